#include "tflm_train/kernels/max_pool_2d.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/pool.h"

namespace tflm_train {
namespace {

using namespace arguments::max_pool_2d;

TFLM_TRAIN_COLD Status CheckForward(const StepView& step) {
  using namespace forward;
  if (!ArgumentsFit(step, kCount, Needs(need::kFloat, need::kOutput, need::kWinnersIfAny))) {
    return Status::kPlanInvalid;
  }
  const ValueRecord& x = step.value(kX);
  const ValueRecord& y = step.value(kY);
  return PlanStatus(PoolStepFits(step, x, y) && ArgmaxFits(step, kArgmax, ReadPoolStep(step, x, y), y));
}

TFLM_TRAIN_COLD Status CheckBackward(const StepView& step) {
  using namespace backward;
  if (!ArgumentsFit(step, kCount, Needs(need::kAnything, need::kWinners, need::kOutput, need::kOutput))) {
    return Status::kPlanInvalid;
  }
  const ValueRecord& dx = step.value(kDx);
  const ValueRecord& dy = step.value(kDy);
  return PlanStatus(PoolStepFits(step, dx, dy) && MaskFits(step, kActivation, kY, kDy) &&
                    ArgmaxFits(step, kArgmax, ReadPoolStep(step, dx, dy), dy));
}

Status Check(const StepView& step) {
  return step.phase() == Phase::kBackward ? CheckBackward(step) : CheckForward(step);
}

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  MaxPool2dForward<float>(ReadPoolStep(step, step.value(kX), step.value(kY)), step.data<float>(kX),
                          Bounds<float>(ActivationWord(step, kActivation)), step.data<float>(kY),
                          step.data<uint8_t>(kArgmax));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  const ValueRecord& dx = step.value(kDx);
  const ValueRecord& dy = step.value(kDy);
  MaskError(ActivationWord(step, kActivation), static_cast<const float*>(step.data<float>(kY)), Elements(dy),
            step.data<float>(kDy));
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(kDx), Elements(dx));
  MaxPool2dBackward<float>(ReadPoolStep(step, dx, dy), step.data<uint8_t>(kArgmax), step.data<float>(kDy),
                           step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kMaxPool2d> kMaxPool2d = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kMaxPool2d> kMaxPool2dForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
