// AVERAGE_POOL_2D: the mean of the taps inside the image.
#ifndef TFLM_TRAIN_KERNELS_AVERAGE_POOL_2D_H_
#define TFLM_TRAIN_KERNELS_AVERAGE_POOL_2D_H_

#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/patch.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// y = act(mean over the window).
template <class T>
void AveragePool2dForward(const PoolShape& s, const T* x, Activation activation, T* y) {
  const Bounds<T> bounds(activation);
  const uint32_t channels = static_cast<uint32_t>(s.channels);
  for (int32_t row = 0; row < s.out_h; ++row) {
    for (int32_t column = 0; column < s.out_w; ++column, y += channels) {
      const Patch window = PatchAt(s, row, column);
      Fill(T(0), y, channels);
      for (int32_t u = window.rows.begin; u < window.rows.end; ++u) {
        const int32_t first = (window.rows.origin + u) * s.in_w + window.columns.origin;
        for (int32_t v = window.columns.begin; v < window.columns.end; ++v) {
          const T* pixel = x + size_t(first + v) * channels;
          for (uint32_t c = 0; c < channels; ++c) y[c] += pixel[c];
        }
      }
      const T taps = static_cast<T>(window.taps());
      for (uint32_t c = 0; c < channels; ++c) y[c] = bounds.Clamp(y[c] / taps);
    }
  }
}

/// dx += dy / taps inside the image.
template <class T>
void AveragePool2dBackward(const PoolShape& s, const T* dy, T* dx) {
  const uint32_t channels = static_cast<uint32_t>(s.channels);
  for (int32_t row = 0; row < s.out_h; ++row) {
    for (int32_t column = 0; column < s.out_w; ++column, dy += channels) {
      const Patch window = PatchAt(s, row, column);
      const T share = T(1) / static_cast<T>(window.taps());
      for (int32_t u = window.rows.begin; u < window.rows.end; ++u) {
        const int32_t first = (window.rows.origin + u) * s.in_w + window.columns.origin;
        for (int32_t v = window.columns.begin; v < window.columns.end; ++v) {
          Axpy(share, dy, dx + size_t(first + v) * channels, channels);
        }
      }
    }
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_AVERAGE_POOL_2D_H_
