// The loss of a linear end, which the label chooses.
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

Finding AutoLinear(const LossSample& sample, StepResult* result) {
  const bool number = sample.label.values != nullptr || sample.classes == 1;
  return (number ? kMeanSquaredErrorLoss : kSoftmaxCrossEntropyFromLogitsLoss).run(sample, result);
}

}  // namespace

const Loss kAutoLinearLoss(LossId::kAutoLinear, AutoLinear);

}  // namespace tflm_train
