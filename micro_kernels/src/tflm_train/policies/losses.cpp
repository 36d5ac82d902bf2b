#include "tflm_train/policies/losses.h"

namespace tflm_train {
namespace {

Finding AnyLoss(const LossSample& sample, StepResult* result) {
  switch (sample.loss) {
    case LossId::kSoftmaxCrossEntropy:
      return kSoftmaxCrossEntropyLoss.run(sample, result);
    case LossId::kSoftmaxCrossEntropyFromLogits:
      return kSoftmaxCrossEntropyFromLogitsLoss.run(sample, result);
    case LossId::kBinaryCrossEntropy:
      return kBinaryCrossEntropyLoss.run(sample, result);
    case LossId::kBinaryCrossEntropyFromLogits:
      return kBinaryCrossEntropyFromLogitsLoss.run(sample, result);
    case LossId::kMeanSquaredError:
      return kMeanSquaredErrorLoss.run(sample, result);
    case LossId::kAutoLinear:
      break;
  }
  return kAutoLinearLoss.run(sample, result);
}

}  // namespace

const Loss kAnyLoss = {2 * Bit(LossId::kAutoLinear) - 1, AnyLoss};

}  // namespace tflm_train
