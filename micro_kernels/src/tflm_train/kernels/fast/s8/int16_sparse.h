// Where errors of 16-bit integers are few.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_INT16_SPARSE_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_INT16_SPARSE_H_

#include <cstdint>

namespace tflm_train {
namespace fast {
namespace s8 {

/// Whether so few errors are left that the plain loops, which skip each zero, are faster than those that skip none. Of
/// many a sample is asked: either way the sums are the same.
inline bool IsSparse(const int16_t* dy, uint32_t n) {
  constexpr uint32_t kDense = 4;  // one error of so many costs the same either way
  constexpr uint32_t kMany = 512, kStep = 7;
  const uint32_t step = n < kMany ? 1 : kStep;
  uint32_t count = 0, asked = 0;
  for (uint32_t i = 0; i < n; i += step, ++asked) count += dy[i] != 0;
  return count * kDense < asked;
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_INT16_SPARSE_H_
