// MAX_POOL_2D. Taps outside the image never win; the first of equals in row-major order does.
#ifndef TFLM_TRAIN_KERNELS_MAX_POOL_2D_H_
#define TFLM_TRAIN_KERNELS_MAX_POOL_2D_H_

#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/locator.h"
#include "tflm_train/kernels/patch.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// y = max over the window, clamped; argmax = row * filter_w + column of the winner. Either may be null.
/// `Range`: Bounds of the activation, or Int8Range.
template <class T, class Range>
void MaxPool2dForward(const PoolShape& s, const T* x, Range range, T* y, uint8_t* argmax) {
  size_t out = 0;
  for (int32_t row = 0; row < s.out_h; ++row) {
    for (int32_t column = 0; column < s.out_w; ++column) {
      const Patch window = PatchAt(s, row, column);
      for (int32_t channel = 0; channel < s.channels; ++channel, ++out) {
        int32_t winner = -1;
        T best = T(0);
        for (int32_t u = window.rows.begin; u < window.rows.end; ++u) {
          const int32_t image_row = (window.rows.origin + u) * s.in_w + window.columns.origin;
          for (int32_t v = window.columns.begin; v < window.columns.end; ++v) {
            const T value = x[size_t(image_row + v) * size_t(s.channels) + size_t(channel)];
            if (winner >= 0 && !(value > best)) continue;
            winner = u * s.filter_w + v;
            best = value;
          }
        }
        if (y != nullptr) y[out] = range.Clamp(best);
        if (argmax != nullptr) argmax[out] = static_cast<uint8_t>(winner);
      }
    }
  }
}

/// dx[winner] += dy, for errors that are not zero.
template <class T>
void MaxPool2dBackward(const PoolShape& s, const uint8_t* argmax, const T* dy, T* dx) {
  PooledLocator locator(s, argmax);
  const uint32_t elements = static_cast<uint32_t>(s.out_h * s.out_w * s.channels);
  for (uint32_t element = 0; element < elements; ++element) {
    if (dy[element] == T(0) || !locator.MoveTo(element)) continue;
    const size_t pixel = size_t(locator.row() * s.in_w + locator.column());
    dx[pixel * size_t(s.channels) + size_t(locator.channel())] += dy[element];
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_MAX_POOL_2D_H_
