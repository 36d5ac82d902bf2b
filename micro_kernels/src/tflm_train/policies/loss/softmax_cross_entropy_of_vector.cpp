// Cross entropy of probabilities towards vectors: linked only by firmware that has such labels.
#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/loss/check.h"
#include "tflm_train/policies/loss/vector_target.h"

namespace tflm_train {

/// L = -sum t log p. At softmax's input dL/dz = scale (p sum t - t), which is scale (p - t) for a distribution t.
TFLM_TRAIN_COLD Finding SoftmaxCrossEntropyOfVector(const LossSample& sample, StepResult* result) {
  const Finding finding = CheckSample(sample, 0, true, result);
  if (finding != Finding::kNothing) return finding;
  const float rows = Rows(sample);
  FiniteCheck finite;
  float sum = 0.0f;
  for (uint32_t row = 0; row != sample.outputs; row += sample.classes) {
    const float* const targets = sample.label.values + row;
    const float* const p = sample.output + row;
    float total;
    sum += SumOverVector(targets, p, sample.classes, &total, ClampedLog);
    WriteVectorError(targets, p, sample.classes, total, sample.scale / rows,
                     sample.error != nullptr ? sample.error + row : nullptr, &finite);
  }
  return CheckResult(finite, 0.0f - sum / rows, result);
}

}  // namespace tflm_train
