// RESIZE_NEAREST_NEIGHBOR of an image [1, h, w, c].
#ifndef TFLM_TRAIN_KERNELS_RESIZE_NEAREST_H_
#define TFLM_TRAIN_KERNELS_RESIZE_NEAREST_H_

#include <cstdint>

namespace tflm_train {

struct ResizeShape {
  int32_t in_h, in_w, out_h, out_w, channels;
  bool align_corners;  // the corner elements of both images coincide
  bool half_pixels;    // places are those of the elements' centres
};

/// Row or column that output position `at` shows: TensorFlow Lite's rule, in float as there.
inline int32_t NearestPosition(int32_t at, int32_t in, int32_t out, bool align_corners, bool half_pixels) {
  const bool aligned = align_corners && out > 1;
  const float scale = static_cast<float>(aligned ? in - 1 : in) / static_cast<float>(aligned ? out - 1 : out);
  const float place = (static_cast<float>(at) + (half_pixels ? 0.5f : 0.0f)) * scale;
  // round half away from zero, or floor; places are not negative
  auto position = static_cast<int32_t>(align_corners ? place + 0.5f : place);
  if (position > in - 1) position = in - 1;
  return position;
}

/// Calls visit(offset of a pixel of the output, offset of the pixel of the input that it shows).
template <class Visit>
void ForEachNearest(const ResizeShape& s, Visit visit) {
  int32_t to = 0;
  for (int32_t row = 0; row < s.out_h; ++row) {
    const int32_t from_row = NearestPosition(row, s.in_h, s.out_h, s.align_corners, s.half_pixels) * s.in_w;
    for (int32_t column = 0; column < s.out_w; ++column, to += s.channels) {
      const int32_t from = NearestPosition(column, s.in_w, s.out_w, s.align_corners, s.half_pixels);
      visit(to, (from_row + from) * s.channels);
    }
  }
}

template <class T>
void ResizeNearestForward(const ResizeShape& s, const T* x, T* y) {
  ForEachNearest(s, [&](int32_t to, int32_t from) {
    for (int32_t c = 0; c < s.channels; ++c) y[to + c] = x[from + c];
  });
}

/// dx += dy, at the pixels that were shown.
template <class T>
void ResizeNearestBackward(const ResizeShape& s, const T* dy, T* dx) {
  ForEachNearest(s, [&](int32_t to, int32_t from) {
    for (int32_t c = 0; c < s.channels; ++c) dx[from + c] += dy[to + c];
  });
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_RESIZE_NEAREST_H_
