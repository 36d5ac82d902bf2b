// The one inner loop behind input error, weight gradient and scatter.
#ifndef TFLM_TRAIN_KERNELS_FAST_PORTABLE_ADD_SCALED_H_
#define TFLM_TRAIN_KERNELS_FAST_PORTABLE_ADD_SCALED_H_

#include <cstdint>

#include "tflm_train/kernels/build_config.h"

namespace tflm_train {
namespace portable {

/// A row of four elements.
TFLM_TRAIN_ALWAYS_INLINE inline void AddFour(float a, const float* __restrict x, float* __restrict y) {
  const float x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
  y[0] += a * x0;
  y[1] += a * x1;
  y[2] += a * x2;
  y[3] += a * x3;
}

/// y += a * x over n
TFLM_TRAIN_ALWAYS_INLINE inline void AddScaled(float a, const float* __restrict x, float* __restrict y, int32_t n) {
  for (; n >= 8; n -= 8, x += 8, y += 8) {
    AddFour(a, x, y);
    AddFour(a, x + 4, y + 4);
  }
  if (n >= 4) {
    AddFour(a, x, y);
    n -= 4, x += 4, y += 4;
  }
  for (; n > 0; --n) *y++ += a * *x++;
}

}  // namespace portable
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_PORTABLE_ADD_SCALED_H_
