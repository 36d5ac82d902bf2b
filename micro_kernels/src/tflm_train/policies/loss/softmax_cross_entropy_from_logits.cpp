// Cross entropy of logits: softmax is part of the loss.
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/loss/check.h"
#include "tflm_train/policies/loss/vector_target.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

/// L = sum t (log sum exp z - z) of one row, with the largest z taken out of the exponentials, and its error. The
/// target is a vector, or the class if `targets` is null.
float RowFromLogits(const float* z, const float* targets, int32_t target, const LossSample& sample, float scale,
                    float* error, FiniteCheck* finite) {
  const uint32_t classes = sample.classes;
  const float largest = z[ArgMax(z, classes)];
  float total = 1.0f, shifted;
  if (targets != nullptr) {
    shifted = SumOverVector(targets, z, classes, &total, [largest](float of_class) { return of_class - largest; });
  } else {
    shifted = z[target] - largest;
  }
  float sum = 0.0f;
  if (error != nullptr) {
    sum = ExpAndSum(1.0f, z, largest, classes, error);
  } else {
    for (uint32_t i = 0; i < classes; ++i) sum += Exp(z[i] - largest);
  }
  const float factor = total / sum;
  if (targets != nullptr) {
    WriteVectorError(targets, error, classes, factor, scale, error, finite);
  } else if (error != nullptr) {
    const float of_class = scale * (error[target] * factor - 1.0f);
    for (float* e = error; e != error + classes; ++e) Put(scale * (*e * factor), e, finite);
    Put(of_class, error + target, finite);
  }
  return total * ClampedLog(sum) - shifted;
}

Finding SoftmaxCrossEntropyFromLogits(const LossSample& sample, StepResult* result) {
  const Finding finding = CheckSample(sample, sample.classes - 1, true, result);
  if (finding != Finding::kNothing) return finding;
  const float rows = Rows(sample), scale = 1.0f / rows;
  const float* targets = sample.label.values;
  const int32_t* index = ClassesOf(sample.label);
  FiniteCheck finite;
  float sum = 0.0f;
  for (uint32_t row = 0; row != sample.outputs; row += sample.classes) {
    sum += RowFromLogits(sample.output + row, targets, targets == nullptr ? *index++ : 0, sample, scale,
                         sample.error != nullptr ? sample.error + row : nullptr, &finite);
    if (targets != nullptr) targets += sample.classes;
  }
  return CheckResult(finite, sum / rows, result);
}

}  // namespace

const Loss kSoftmaxCrossEntropyFromLogitsLoss(LossId::kSoftmaxCrossEntropyFromLogits, SoftmaxCrossEntropyFromLogits);

}  // namespace tflm_train
