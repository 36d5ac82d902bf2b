#include "tflm_train/kernels/arithmetic.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/arithmetic.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::mul;
using namespace backward;

/// The error `d` of an operand is there only with the other operand, the factor; both fit into dy.
bool ErrorFits(const StepView& step, uint32_t d, uint32_t factor) {
  if (!step.Has(d)) return true;
  return IsFloatOutput(step, d) && IsFloat(step, factor) && BroadcastsTo(step.value(d), step.value(kDy)) &&
         BroadcastsTo(step.value(factor), step.value(kDy));
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.phase() != Phase::kBackward) return CheckArithmeticForward(step);
  return PlanStatus(step.size() == kCount && step.word_count() == kWords && IsFloatOutput(step, kDy) &&
                    MaskFits(step, kActivation, kY, kDy) && ErrorFits(step, kDa, kB) && ErrorFits(step, kDb, kA));
}

void Forward(const StepView& step, WorkCounters& work) {
  const auto dims = [&step](uint32_t argument) { return DimsOf(step.value(argument)); };
  const StridedWalk walk = BroadcastWalk(dims(forward::kY), dims(forward::kA), dims(forward::kB));
  MulForward<float>(walk, step.data<float>(forward::kA), step.data<float>(forward::kB),
                    ActivationWord(step, kActivation), step.data<float>(forward::kY), work);
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
  MaskError(ActivationWord(step, kActivation), static_cast<const float*>(step.data<float>(kY)),
            Elements(step.value(kDy)), step.data<float>(kDy));
  PutError(step, 0, kB, *context.work);
  PutError(step, 1, kA, *context.work);
}

}  // namespace

const OperatorOf<KernelId::kMul> kMul = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kMul> kMulForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
