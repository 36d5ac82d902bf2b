// The loops in which plain int8 kernels spend their time.
#ifndef TFLM_TRAIN_KERNELS_S8_INNER_H_
#define TFLM_TRAIN_KERNELS_S8_INNER_H_

#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace s8 {

/// sum + (x - x_zero) . w.
inline int32_t Dot(int32_t sum, const int8_t* x, int32_t x_zero, const int8_t* w, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) sum = WrappingAdd(sum, (x[i] - x_zero) * w[i]);
  return sum;
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_INNER_H_
