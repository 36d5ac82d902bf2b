// Binary cross entropy of probabilities: the sigmoid, which came before, is part of its error.
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/loss/mean.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

/// L = -(t log p + (1 - t) log(1 - p)), dL/dz = p - t at the sigmoid's input.
Part BinaryCrossEntropyPart(float p, float t) {
  return {-(t * ClampedLog(p) + (1.0f - t) * ClampedLog(1.0f - p)), p - t};
}

Finding BinaryCrossEntropy(const LossSample& sample, StepResult* result) {
  return RunMean(sample, {1, true, 0.5f, BinaryCrossEntropyPart}, result);
}

}  // namespace

const Loss kBinaryCrossEntropyLoss(LossId::kBinaryCrossEntropy, BinaryCrossEntropy);

}  // namespace tflm_train
