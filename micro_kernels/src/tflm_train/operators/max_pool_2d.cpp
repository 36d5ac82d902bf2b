#include "tflm_train/operators/max_pool_2d.h"

#include "tflm_train/kernels/max_pool_2d.h"
#include "tflm_train/operators/pool.h"

namespace tflm_train {
namespace {

enum ForwardArgument : uint32_t { kX, kY, kArgmax };
enum BackwardArgument : uint32_t { kSavedY, kSavedArgmax, kDy, kDx };

Status CheckForward(const StepView& step) {
  if (step.size() < kArgmax || step.size() > kArgmax + 1 || !IsFloat(step, kX) || !IsFloatOutput(step, kY)) {
    return Status::kPlanInvalid;
  }
  const ValueRecord& x = step.value(kX);
  const ValueRecord& y = step.value(kY);
  if (!PoolStepFits(step, x, y)) return Status::kPlanInvalid;
  return PlanStatus(!step.Has(kArgmax) || ArgmaxFits(step, kArgmax, ReadPoolStep(step, x, y), y));
}

Status CheckBackward(const StepView& step) {
  if (step.size() != kDx + 1 || !IsFloatOutput(step, kDy) || !IsFloatOutput(step, kDx)) return Status::kPlanInvalid;
  const ValueRecord& dx = step.value(kDx);
  const ValueRecord& dy = step.value(kDy);
  if (!PoolStepFits(step, dx, dy) || !MaskFits(step, kPoolWords, kSavedY, kDy)) return Status::kPlanInvalid;
  return PlanStatus(ArgmaxFits(step, kSavedArgmax, ReadPoolStep(step, dx, dy), dy));
}

Status Check(const StepView& step) {
  return step.phase() == Phase::kBackward ? CheckBackward(step) : CheckForward(step);
}

void Forward(const StepView& step, WorkCounters&) {
  MaxPool2dForward<float>(ReadPoolStep(step, step.value(kX), step.value(kY)), step.data<float>(kX),
                          ActivationWord(step, kPoolWords), step.data<float>(kY), step.data<uint8_t>(kArgmax));
}

void Backward(const StepView& step, const BackwardContext&) {
  const ValueRecord& dx = step.value(kDx);
  const ValueRecord& dy = step.value(kDy);
  MaskError(ActivationWord(step, kPoolWords), static_cast<const float*>(step.data<float>(kSavedY)), Elements(dy),
            step.data<float>(kDy));
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(kDx), Elements(dx));
  MaxPool2dBackward<float>(ReadPoolStep(step, dx, dy), step.data<uint8_t>(kSavedArgmax), step.data<float>(kDy),
                           step.data<float>(kDx));
}

}  // namespace

const Operator kMaxPool2d = {KernelId::kMaxPool2d, "MAX_POOL_2D", Check, Forward, Backward};
const Operator kMaxPool2dForward = {KernelId::kMaxPool2d, "MAX_POOL_2D", Check, Forward, nullptr};

}  // namespace tflm_train
