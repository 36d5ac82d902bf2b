// Operators of two tensors whose kernels are a value and two slopes.
#include "tflm_train/kernels/binary.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/arithmetic.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

// All four have the arguments of DIV.
using namespace arguments::div;
using namespace backward;

TFLM_TRAIN_COLD bool OperandFits(const StepView& step, uint32_t operand) {
  return IsFloat(step, operand) && BroadcastsTo(step.value(operand), step.value(kDy));
}

/// The error `d` of an operand is there only with both operands.
TFLM_TRAIN_COLD bool ErrorFits(const StepView& step, uint32_t d, uint32_t operand) {
  if (!step.Has(d)) return true;
  return OperandFits(step, kA) && OperandFits(step, kB) && IsFloatOutput(step, d) &&
         SameShape(step.value(d), step.value(operand));
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.phase() != Phase::kBackward) return CheckArithmeticForward(step);
  return PlanStatus(step.size() == kCount && step.word_count() == kWords && IsFloatOutput(step, kDy) &&
                    MaskFits(step, kActivation, kY, kDy) && ErrorFits(step, kDa, kA) && ErrorFits(step, kDb, kB));
}

StridedWalk Walk(const StepView& step, uint32_t result, uint32_t a, uint32_t b) {
  return BroadcastWalk(DimsOf(step.value(result)), DimsOf(step.value(a)), DimsOf(step.value(b)));
}

template <class Function>
struct BinaryOperator {
  static void Forward(const StepView& step, WorkCounters&) {
    BinaryForward<float>(Walk(step, forward::kY, forward::kA, forward::kB), step.data<float>(forward::kA),
                         step.data<float>(forward::kB), ActivationWord(step, kActivation),
                         step.data<float>(forward::kY), Function::template Value<float>);
  }

  template <bool kOfB>
  static void PutError(const StepView& step) {
    constexpr uint32_t kTarget = kOfB ? kDb : kDa;
    if (!step.Has(kTarget)) return;
    float* d = step.data<float>(kTarget);
    if (!step.accumulates(kOfB ? 1 : 0)) Fill(0.0f, d, Elements(step.value(kTarget)));
    BinaryBackward<Function, kOfB, float, float>(Walk(step, kDy, kA, kB), step.data<float>(kA), step.data<float>(kB),
                                                 step.data<float>(kDy), d);
  }

  static void Backward(const StepView& step, const BackwardContext&) {
    MaskError(ActivationWord(step, kActivation), static_cast<const float*>(step.data<float>(kY)),
              Elements(step.value(kDy)), step.data<float>(kDy));
    PutError<false>(step);
    PutError<true>(step);
  }
};

template <KernelId kernel, class Function>
constexpr OperatorOf<kernel> Whole() {
  return {kArguments, Check, BinaryOperator<Function>::Forward, BinaryOperator<Function>::Backward};
}

template <KernelId kernel, class Function>
constexpr OperatorOf<kernel> ForwardOnly() {
  return {kArguments, Check, BinaryOperator<Function>::Forward, nullptr};
}

}  // namespace

const OperatorOf<KernelId::kDiv> kDiv = Whole<KernelId::kDiv, DivFunction>();
const OperatorOf<KernelId::kDiv> kDivForward = ForwardOnly<KernelId::kDiv, DivFunction>();
const OperatorOf<KernelId::kSquaredDifference> kSquaredDifference =
    Whole<KernelId::kSquaredDifference, SquaredDifferenceFunction>();
const OperatorOf<KernelId::kSquaredDifference> kSquaredDifferenceForward =
    ForwardOnly<KernelId::kSquaredDifference, SquaredDifferenceFunction>();
const OperatorOf<KernelId::kMaximum> kMaximum = Whole<KernelId::kMaximum, MaximumFunction>();
const OperatorOf<KernelId::kMaximum> kMaximumForward = ForwardOnly<KernelId::kMaximum, MaximumFunction>();
const OperatorOf<KernelId::kMinimum> kMinimum = Whole<KernelId::kMinimum, MinimumFunction>();
const OperatorOf<KernelId::kMinimum> kMinimumForward = ForwardOnly<KernelId::kMinimum, MinimumFunction>();

}  // namespace tflm_train
