// ADD and SUB of operands with the output's shape: the error passes to both, negated to the one that is subtracted.
#include "tflm_train/kernels/inner.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/int16_check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::add_int16_errors;
using namespace backward;

/// An operand's error, all of it in the memory of dy or none.
TFLM_TRAIN_COLD bool OperandFits(const StepView& step, uint32_t d, uint32_t de) {
  if (!step.Has(d)) return !step.Has(de);
  const ValueRecord &error = step.value(d), &dy = step.value(kDy);
  const bool takes_over = Overlap(error, dy) && error.offset == dy.offset;
  return step.Has(de) && SameElements(error, dy) && (takes_over || !Overlap(error, dy)) &&
         takes_over == Overlap(step.value(de), step.value(kDye));
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  constexpr Expected kExpected[] = {kInt8,     kInt16Error,          kInt16ErrorIfAny,    kInt16ErrorIfAny,
                                    kExponent, kExponentOutputIfAny, kExponentOutputIfAny};
  if (step.phase() != Phase::kBackward || step.word_count() != kWords || !RangeFits(step, kLow) ||
      (step.word(kSign) != 1 && step.word(kSign) != -1) || !ArgumentsAre(step, kExpected, backward::kCount)) {
    return Status::kPlanInvalid;
  }
  return PlanStatus(SameElements(step.value(backward::kY), step.value(kDy)) && OperandFits(step, kDa, kDae) &&
                    OperandFits(step, kDb, kDbe));
}

/// `d`, `de`: an operand's error, number `output` of two.
void AddTo(const StepView& step, const MaskedErrors& errors, uint32_t output, uint32_t d, uint32_t de, int32_t sign) {
  if (!step.Has(d)) return;
  if (step.data<int16_t>(d) == errors.values) {  // taken over; both errors, where the operands are one tensor
    if (!step.accumulates(output)) return;
    if (sign > 0) {
      ++*step.data<int32_t>(de);
    } else {
      Fill(int16_t{0}, step.data<int16_t>(d), errors.elements);
    }
    return;
  }
  SumInto(step, d, de, output, errors, 1).AddAll(sign, errors.values, errors.elements);
}

void Backward(const StepView& step, const BackwardContext&) {
  const MaskedErrors errors = MaskInt16(step, kLow, backward::kY, kDy, kDye);
  AddTo(step, errors, 0, kDa, kDae, 1);
  AddTo(step, errors, 1, kDb, kDbe, step.word(kSign));
}

}  // namespace

const OperatorOf<KernelId::kAddInt16Errors> kAddInt16Errors = {kArguments, Check, nullptr, Backward};
const OperatorOf<KernelId::kAddInt16Errors> kAddInt16ErrorsForward = {kArguments, Check, nullptr, nullptr};

}  // namespace tflm_train
