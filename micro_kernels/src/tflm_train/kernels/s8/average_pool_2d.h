// AVERAGE_POOL_2D in int8: the mean of the taps inside the image, ties away from zero. Input and output have one scale.
#ifndef TFLM_TRAIN_KERNELS_S8_AVERAGE_POOL_2D_H_
#define TFLM_TRAIN_KERNELS_S8_AVERAGE_POOL_2D_H_

#include "tflm_train/kernels/patch.h"
#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace s8 {

inline void AveragePool2dForward(const PoolShape& s, const int8_t* x, Int8Range range, int8_t* y) {
  for (int32_t row = 0; row < s.out_h; ++row) {
    for (int32_t column = 0; column < s.out_w; ++column, y += s.channels) {
      const Patch window = PatchAt(s, row, column);
      const auto taps = static_cast<int32_t>(window.taps());
      for (int32_t channel = 0; channel < s.channels; ++channel) {
        int32_t sum = 0;
        for (int32_t u = window.rows.begin; u < window.rows.end; ++u) {
          const int32_t first = (window.rows.origin + u) * s.in_w + window.columns.origin;
          for (int32_t v = window.columns.begin; v < window.columns.end; ++v) {
            sum = WrappingAdd(sum, x[size_t(first + v) * size_t(s.channels) + size_t(channel)]);
          }
        }
        const int32_t half = sum > 0 ? taps / 2 : -(taps / 2);
        y[channel] = range.Clamp(WrappingAdd(sum, half) / taps);
      }
    }
  }
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_AVERAGE_POOL_2D_H_
