// Binary cross entropy of logits: the sigmoid is part of the loss.
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/loss/mean.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

/// L = max(z, 0) - z t + log(1 + exp(-|z|)).
Part BinaryCrossEntropyFromLogitsPart(float z, float t) {
  const float e = Exp(z < 0.0f ? z : -z);
  return {(z > 0.0f ? z : 0.0f) - z * t + ClampedLog(1.0f + e), (z < 0.0f ? e : 1.0f) / (1.0f + e) - t};
}

Finding BinaryCrossEntropyFromLogits(const LossSample& sample, StepResult* result) {
  return RunMean(sample, {1, true, 0.0f, BinaryCrossEntropyFromLogitsPart}, result);
}

}  // namespace

const Loss kBinaryCrossEntropyFromLogitsLoss(LossId::kBinaryCrossEntropyFromLogits, BinaryCrossEntropyFromLogits);

}  // namespace tflm_train
