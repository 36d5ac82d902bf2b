#include "tflm_train/policies/loss/vector_target.h"

#include "tflm_train/base/cold.h"
#include "tflm_train/policies/loss/check.h"

namespace tflm_train {

TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD void WriteVectorError(const float* targets, const float* p, uint32_t count,
                                                          float factor, float scale, float* error,
                                                          FiniteCheck* finite) {
  for (uint32_t i = 0; error != nullptr && i < count; ++i) {
    Put(scale * (p[i] * factor - targets[i]), error + i, finite);
  }
}

}  // namespace tflm_train
