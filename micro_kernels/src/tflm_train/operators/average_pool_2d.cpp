#include "tflm_train/kernels/average_pool_2d.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/pool.h"

namespace tflm_train {
namespace {

using namespace arguments::average_pool_2d;

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.phase() != Phase::kBackward) {
    using namespace forward;
    return PlanStatus(ArgumentsFit(step, kCount, Needs(need::kFloat, need::kOutput)) &&
                      PoolStepFits(step, step.value(kX), step.value(kY)));
  }
  using namespace backward;
  return PlanStatus(ArgumentsFit(step, kCount, Needs(need::kAnything, need::kOutput, need::kOutput)) &&
                    PoolStepFits(step, step.value(kDx), step.value(kDy)) && MaskFits(step, kActivation, kY, kDy));
}

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  AveragePool2dForward<float>(ReadPoolStep(step, step.value(kX), step.value(kY)), step.data<float>(kX),
                              ActivationWord(step, kActivation), step.data<float>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  const ValueRecord& dx = step.value(kDx);
  const ValueRecord& dy = step.value(kDy);
  MaskError(ActivationWord(step, kActivation), static_cast<const float*>(step.data<float>(kY)), Elements(dy),
            step.data<float>(kDy));
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(kDx), Elements(dx));
  AveragePool2dBackward<float>(ReadPoolStep(step, dx, dy), step.data<float>(kDy), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kAveragePool2d> kAveragePool2d = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kAveragePool2d> kAveragePool2dForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
