#include "tflm_train/operators/arithmetic.h"

#include "tflm_train/kernels/arithmetic.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"

namespace tflm_train {
namespace {

// those of ADD, which SUB shares
using namespace arguments::add;
using namespace backward;

/// An operand's error from the error of the result.
void PutOperandError(const StepView& step, uint32_t of_result, uint32_t output, float sign) {
  const uint32_t argument = of_result + 1 + output;
  if (!step.Has(argument)) return;
  const ValueRecord& target = step.value(argument);
  const ValueRecord& error = step.value(of_result);
  const float* dy = step.data<float>(of_result);
  float* d = step.data<float>(argument);
  const bool accumulate = step.accumulates(output);
  if (SameElements(target, error)) {
    AddBackward(sign, dy, Elements(error), accumulate, d);
    return;
  }
  if (!accumulate) Fill(0.0f, d, Elements(target));
  const Dims operand = DimsOf(target);
  AddReduceBackward(BroadcastWalk(DimsOf(error), operand, operand), sign, dy, d);
}

}  // namespace

Status CheckArithmeticForward(const StepView& step) {
  if (step.word_count() != kWords || !IsActivation(step.word(kActivation)) ||
      !ArgumentsFit(step, forward::kCount, Needs(need::kFloat, need::kFloat, need::kOutput))) {
    return Status::kPlanInvalid;
  }
  const ValueRecord& y = step.value(forward::kY);
  return PlanStatus(BroadcastsTo(step.value(forward::kA), y) && BroadcastsTo(step.value(forward::kB), y));
}

Status CheckAddBackward(const StepView& step) {
  constexpr uint32_t kNeeds = Needs(need::kAnything, need::kOutput, need::kOutputIfAny, need::kOutputIfAny);
  if (step.word_count() != kWords || !ArgumentsFit(step, kCount, kNeeds) || !MaskFits(step, kActivation, kY, kDy)) {
    return Status::kPlanInvalid;
  }
  return PlanStatus(AddErrorsFit(step, kDy));
}

bool AddErrorsFit(const StepView& step, uint32_t dy) {
  for (uint32_t argument = dy + 1; argument <= dy + 2; ++argument) {
    if (step.Has(argument) && !BroadcastsTo(step.value(argument), step.value(dy))) return false;
  }
  return true;
}

void PutAddErrors(const StepView& step, uint32_t dy, float sign) {
  // In this order either operand's error may take over the memory of dy: a's leaves it as it is, b's is the last to
  // read it.
  PutOperandError(step, dy, 0, 1.0f);
  PutOperandError(step, dy, 1, sign);
}

void RunAddBackward(const StepView& step, float sign) {
  float* dy = step.data<float>(kDy);
  MaskError(ActivationWord(step, kActivation), static_cast<const float*>(step.data<float>(kY)),
            Elements(step.value(kDy)), dy);
  PutAddErrors(step, kDy, sign);
}

}  // namespace tflm_train
