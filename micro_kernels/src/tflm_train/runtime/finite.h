// NaN and infinity.
#ifndef TFLM_TRAIN_RUNTIME_FINITE_H_
#define TFLM_TRAIN_RUNTIME_FINITE_H_

#include <cstdint>

#include "tflm_train/kernels/fast/inner.h"

namespace tflm_train {

/// No number is NaN or infinite, whatever the compiler's flags say about such numbers.
inline bool AllFinite(const float* values, uint32_t count) { return inner::AllFinite(values, count); }

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_FINITE_H_
