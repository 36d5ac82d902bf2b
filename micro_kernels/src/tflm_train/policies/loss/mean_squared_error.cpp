// Mean squared error.
#include "tflm_train/policies/loss/mean.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

/// L = (p - t)^2, dL/dp = 2 (p - t).
Part SquaredErrorPart(float p, float t) {
  const float difference = p - t;
  return {difference * difference, 2.0f * difference};
}

Finding MeanSquaredError(const LossSample& sample, StepResult* result) {
  return RunMean(sample, {UINT32_MAX, false, 0.5f, SquaredErrorPart}, result);
}

}  // namespace

const Loss kMeanSquaredErrorLoss(LossId::kMeanSquaredError, MeanSquaredError);

}  // namespace tflm_train
