// Clipping by the norm (Pascanu, Mikolov, Bengio 2013), of one sample's error at the output.
#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

/// dz <- dz min(1, clip / ||dz||), the largest magnitude m aside: ||dz|| = m ||dz / m||, where no square overflows.
TFLM_TRAIN_COLD Finding Clip(const Gate&, const LossSample& sample, StepResult* result, const StepContext& context) {
  float largest = 0.0f;
  for (uint32_t i = 0; i < sample.outputs; ++i) {
    const float magnitude = sample.error[i] < 0.0f ? -sample.error[i] : sample.error[i];
    if (magnitude > largest) largest = magnitude;
  }
  if (largest > 0.0f) {
    float squares = 0.0f;
    for (uint32_t i = 0; i < sample.outputs; ++i) {
      const float part = sample.error[i] / largest;
      squares += part * part;
    }
    const float norm = Sqrt(squares), clip = context.options_.clip;  // norm of the parts, at least 1
    result->clipped = norm > clip / largest;
    for (uint32_t i = 0; result->clipped && i < sample.outputs; ++i) {
      sample.error[i] = sample.error[i] / largest * (clip / norm);
    }
  }
  return Clipping::PassOn(sample, result, context);
}

}  // namespace

const Clipping kNormClipping(ClippingId::kNorm, Clip);

}  // namespace tflm_train
