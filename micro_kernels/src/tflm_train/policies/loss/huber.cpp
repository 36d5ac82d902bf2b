// Huber loss with delta 1, as Keras has it.
#include "tflm_train/policies/loss/mean.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

/// With e = p - t: L = e^2 / 2 where |e| <= 1, else |e| - 1/2; dL/dp = e, at most 1 in magnitude.
Part HuberPart(float p, float t) {
  const float difference = p - t;
  const float slope = difference > 1.0f ? 1.0f : difference < -1.0f ? -1.0f : difference;
  return {slope * (difference - 0.5f * slope), slope};
}

Finding Huber(const LossSample& sample, StepResult* result) {
  return RunMean(sample, {UINT32_MAX, false, 0.5f, HuberPart}, result);
}

}  // namespace

const Loss kHuberLoss(LossId::kHuber, Huber);

}  // namespace tflm_train
