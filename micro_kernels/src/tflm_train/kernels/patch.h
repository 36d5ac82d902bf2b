// Which taps of a window lie inside the image: bounds are worked out per position, not per tap.
#ifndef TFLM_TRAIN_KERNELS_PATCH_H_
#define TFLM_TRAIN_KERNELS_PATCH_H_

#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// Taps [begin, end) of a window in one dimension; tap u reads `origin + u * dilation`.
struct TapRange {
  int32_t origin, begin, end;
  int32_t count() const { return end - begin; }
};

inline TapRange TapsInside(int32_t origin, int32_t taps, int32_t dilation, int32_t size) {
  TapRange range = {origin, origin < 0 ? -origin : 0, size - origin};
  if (dilation != 1) {
    range.begin = (range.begin + dilation - 1) / dilation;
    range.end = range.end > 0 ? (range.end + dilation - 1) / dilation : 0;
  }
  if (range.end > taps) range.end = taps;
  if (range.end < range.begin) range.end = range.begin;
  return range;
}

/// The taps of one output position.
struct Patch {
  TapRange rows, columns;
  uint32_t taps() const { return static_cast<uint32_t>(rows.count() * columns.count()); }
};

inline Patch PatchAt(const ConvShape& s, int32_t row, int32_t column) {
  return {TapsInside(row * s.stride_h - s.pad_top, s.filter_h, s.dilation_h, s.in_h),
          TapsInside(column * s.stride_w - s.pad_left, s.filter_w, s.dilation_w, s.in_w)};
}

inline Patch PatchAt(const PoolShape& s, int32_t row, int32_t column) {
  return {TapsInside(row * s.stride_h - s.pad_top, s.filter_h, 1, s.in_h),
          TapsInside(column * s.stride_w - s.pad_left, s.filter_w, 1, s.in_w)};
}

/// PatchAt for positions that often repeat: consecutive elements of a map are channels of one position.
class PatchCursor {
 public:
  explicit PatchCursor(const ConvShape& shape) : shape_(shape) {}
  const Patch& At(int32_t row, int32_t column) {
    if (row != row_ || column != column_) {
      row_ = row;
      column_ = column;
      patch_ = PatchAt(shape_, row, column);
    }
    return patch_;
  }

 private:
  const ConvShape& shape_;
  int32_t row_ = -1, column_ = -1;
  Patch patch_ = {};
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_PATCH_H_
