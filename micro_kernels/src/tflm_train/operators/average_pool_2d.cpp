#include "tflm_train/operators/average_pool_2d.h"

#include "tflm_train/kernels/average_pool_2d.h"
#include "tflm_train/operators/pool.h"

namespace tflm_train {
namespace {

enum ForwardArgument : uint32_t { kX, kY };
enum BackwardArgument : uint32_t { kSavedY, kDy, kDx };

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.phase() != Phase::kBackward) {
    return PlanStatus(ArgumentsFit(step, kY + 1, Needs(need::kFloat, need::kOutput)) &&
                      PoolStepFits(step, step.value(kX), step.value(kY)));
  }
  return PlanStatus(ArgumentsFit(step, kDx + 1, Needs(need::kAnything, need::kOutput, need::kOutput)) &&
                    PoolStepFits(step, step.value(kDx), step.value(kDy)) && MaskFits(step, kPoolWords, kSavedY, kDy));
}

void Forward(const StepView& step, WorkCounters&) {
  AveragePool2dForward<float>(ReadPoolStep(step, step.value(kX), step.value(kY)), step.data<float>(kX),
                              ActivationWord(step, kPoolWords), step.data<float>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  const ValueRecord& dx = step.value(kDx);
  const ValueRecord& dy = step.value(kDy);
  MaskError(ActivationWord(step, kPoolWords), static_cast<const float*>(step.data<float>(kSavedY)), Elements(dy),
            step.data<float>(kDy));
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(kDx), Elements(dx));
  AveragePool2dBackward<float>(ReadPoolStep(step, dx, dy), step.data<float>(kDy), step.data<float>(kDx));
}

}  // namespace

const Operator kAveragePool2d = {KernelId::kAveragePool2d, KernelArguments::Unary(1), Check, Forward, Backward};
const Operator kAveragePool2dForward = {KernelId::kAveragePool2d, KernelArguments::Unary(1), Check, Forward, nullptr};

}  // namespace tflm_train
