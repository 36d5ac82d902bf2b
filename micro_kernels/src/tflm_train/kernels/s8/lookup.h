// Functions of one 8-bit element by a table with an entry for each of its 256 values: LOGISTIC, TANH, RELU and the
// like, and QUANTIZE from one scale to another. The converter computes the entries, as TensorFlow Lite Micro computes
// them. int8 and uint8 elements alike: a table begins with the entry of 0, that of -1 is the last one.
#ifndef TFLM_TRAIN_KERNELS_S8_LOOKUP_H_
#define TFLM_TRAIN_KERNELS_S8_LOOKUP_H_

#include "tflm_train/kernels/inner.h"

namespace tflm_train {
namespace s8 {

/// y = table[x]. y may be x.
inline void LookupForward(const uint8_t* table, const uint8_t* x, uint32_t n, uint8_t* y) {
  for (uint32_t i = 0; i < n; ++i) y[i] = table[x[i]];
}

/// dx = dy * slopes[x], the slopes in real numbers. dx may be dy.
template <class T>
void LookupBackward(const T* slopes, const uint8_t* x, const T* dy, uint32_t n, bool accumulate, T* dx) {
  PutError(accumulate, dx, n, [=](uint32_t i) { return dy[i] * slopes[x[i]]; });
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_LOOKUP_H_
