// Mean absolute error.
#include "tflm_train/policies/loss/mean.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

/// L = |p - t|, dL/dp = the sign of p - t, 0 where they are equal.
Part AbsoluteErrorPart(float p, float t) {
  const float difference = p - t;
  const float sign = static_cast<float>(difference > 0.0f) - static_cast<float>(difference < 0.0f);
  return {sign * difference, sign};
}

Finding MeanAbsoluteError(const LossSample& sample, StepResult* result) {
  return RunMean(sample, {UINT32_MAX, false, 0.5f, AbsoluteErrorPart}, result);
}

}  // namespace

const Loss kMeanAbsoluteErrorLoss(LossId::kMeanAbsoluteError, MeanAbsoluteError);

}  // namespace tflm_train
