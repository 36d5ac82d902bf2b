// Rows of a label that is a vector.
#ifndef TFLM_TRAIN_POLICIES_LOSS_VECTOR_TARGET_H_
#define TFLM_TRAIN_POLICIES_LOSS_VECTOR_TARGET_H_

#include <cstdint>

#include "tflm_train/policies/finite.h"

namespace tflm_train {

/// For a row of a vector: error = scale (factor p - t), if it is wanted.
void WriteVectorError(const float* targets, const float* p, uint32_t count, float factor, float scale, float* error,
                      FiniteCheck* finite);

/// sum t f(output) of a row, and sum t; without the outputs whose t is zero.
template <class Function>
float SumOverVector(const float* targets, const float* output, uint32_t count, float* total, Function f) {
  float sum = 0.0f;
  *total = 0.0f;
  for (uint32_t i = 0; i < count; ++i) {
    const float t = targets[i];
    if (t == 0.0f) continue;
    sum += t * f(output[i]);
    *total += t;
  }
  return sum;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_LOSS_VECTOR_TARGET_H_
