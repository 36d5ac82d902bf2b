#include "tflm_train/operators/mul.h"

#include "tflm_train/kernels/arithmetic.h"
#include "tflm_train/operators/arithmetic.h"
#include "tflm_train/operators/check.h"

namespace tflm_train {
namespace {

enum BackwardArgument : uint32_t { kA, kB, kY, kDy, kDa, kDb };

/// The error `d` of an operand is there only with the other operand, the factor; both fit into dy.
bool ErrorFits(const StepView& step, uint32_t d, uint32_t factor) {
  if (!step.Has(d)) return true;
  return IsFloatOutput(step, d) && IsFloat(step, factor) && BroadcastsTo(step.value(d), step.value(kDy)) &&
         BroadcastsTo(step.value(factor), step.value(kDy));
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.phase() != Phase::kBackward) return CheckArithmeticForward(step);
  return PlanStatus(step.size() == kDb + 1 && step.word_count() == 1 && IsFloatOutput(step, kDy) &&
                    MaskFits(step, 0, kY, kDy) && ErrorFits(step, kDa, kB) && ErrorFits(step, kDb, kA));
}

void Forward(const StepView& step, WorkCounters& work) {
  const StridedWalk walk = BroadcastWalk(DimsOf(step.value(2)), DimsOf(step.value(0)), DimsOf(step.value(1)));
  MulForward<float>(walk, step.data<float>(0), step.data<float>(1), ActivationWord(step, 0), step.data<float>(2), work);
}

void PutError(const StepView& step, uint32_t output, uint32_t factor, WorkCounters& work) {
  const uint32_t d = kDa + output;
  if (!step.Has(d)) return;
  const ValueRecord& dy = step.value(kDy);
  if (!step.accumulates(output)) Fill(0.0f, step.data<float>(d), Elements(step.value(d)));
  const StridedWalk walk = BroadcastWalk(DimsOf(dy), DimsOf(step.value(d)), DimsOf(step.value(factor)));
  MulBackward<float>(walk, step.data<float>(factor), step.data<float>(kDy), step.data<float>(d));
  Count(work.input_error, Elements(dy));
}

void Backward(const StepView& step, const BackwardContext& context) {
  MaskError(ActivationWord(step, 0), static_cast<const float*>(step.data<float>(kY)), Elements(step.value(kDy)),
            step.data<float>(kDy));
  PutError(step, 0, kB, *context.work);
  PutError(step, 1, kA, *context.work);
}

}  // namespace

const Operator kMul = {KernelId::kMul, KernelArguments::Binary(3), Check, Forward, Backward};
const Operator kMulForward = {KernelId::kMul, KernelArguments::Binary(3), Check, Forward, nullptr};

}  // namespace tflm_train
