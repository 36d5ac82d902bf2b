// TRANSPOSE_CONV: y[i stride - pad + u, j stride - pad + v, o] += sum_c x[i, j, c] w[o, u, v, c], then bias and
// activation. The convolution from y to x has this geometry: its strides, pads and filter, without dilation.
#ifndef TFLM_TRAIN_KERNELS_TRANSPOSE_CONV_H_
#define TFLM_TRAIN_KERNELS_TRANSPOSE_CONV_H_

#include "tflm_train/kernels/conv_2d.h"

namespace tflm_train {

/// What reaches one row or column of y: tap `begin` reads x at `image`, each further one, `stride` taps on, one before
/// it.
struct TapsReaching {
  int32_t begin, image, count;
};

inline TapsReaching TapsThatReach(int32_t position, int32_t taps, int32_t stride, int32_t size) {
  TapsReaching reaching = {position % stride, position / stride, 0};
  const int32_t beyond = reaching.image - (size - 1);
  if (beyond > 0) {
    if (beyond > (taps - reaching.begin) / stride) return reaching;  // no sum leaves 31 bits
    reaching.begin += beyond * stride;
    reaching.image = size - 1;
  }
  if (reaching.begin >= taps) return reaching;
  const int32_t most = (taps - reaching.begin - 1) / stride + 1;
  reaching.count = most < reaching.image + 1 ? most : reaching.image + 1;
  return reaching;
}

struct TransposedPatch {
  TapsReaching rows, columns;
  uint32_t taps() const { return static_cast<uint32_t>(rows.count * columns.count); }
};

struct TransposedRuns {
  class Cursor {
   public:
    explicit Cursor(const ConvShape& shape) : shape_(shape) {}
    TransposedPatch At(int32_t row, int32_t column) const {
      const ConvShape& s = shape_;
      return {TapsThatReach(row + s.pad_top, s.filter_h, s.stride_h, s.in_h),
              TapsThatReach(column + s.pad_left, s.filter_w, s.stride_w, s.in_w)};
    }

   private:
    const ConvShape& shape_;
  };
  static int32_t Channels(const ConvShape& s) { return s.in_c; }
  static size_t ImageOffset(const ConvShape&, int32_t) { return 0; }

  /// Each tap is a stretch of its own: the filter's are `stride` apart.
  template <class Visit>
  static void ForEachRun(const ConvShape& s, const TransposedPatch& patch, Visit visit) {
    int32_t u = patch.rows.begin;
    for (int32_t r = 0; r < patch.rows.count; ++r, u += s.stride_h) {
      const int32_t image_row = (patch.rows.image - r) * s.in_w + patch.columns.image;
      int32_t filter = u * s.filter_w + patch.columns.begin;
      for (int32_t c = 0; c < patch.columns.count; ++c, filter += s.stride_w) {
        visit(size_t(image_row - c) * size_t(s.in_c), size_t(filter) * size_t(s.in_c), static_cast<uint32_t>(s.in_c));
      }
    }
  }
};

using TransposeConv = ConvWith<TransposedRuns>;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_TRANSPOSE_CONV_H_
