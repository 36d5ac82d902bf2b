// ADD (SUB), MUL, MAXIMUM and MINIMUM in int8.
#include "tflm_train/kernels/binary.h"
#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/s8/add.h"
#include "tflm_train/kernels/s8/arithmetic.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/arithmetic.h"
#include "tflm_train/operators/int8_check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/plan/training_options.h"

namespace tflm_train {
namespace {

namespace add = arguments::add_int8;
namespace mul = arguments::mul_int8;
namespace most = arguments::maximum_int8;  // MINIMUM has the same

// forward: a, b, y
constexpr uint32_t kA = add::forward::kA, kB = add::forward::kB, kY = add::forward::kY;

TFLM_TRAIN_COLD bool ForwardFits(const StepView& step) {
  constexpr Expected kExpected[] = {kInt8, kInt8, kInt8Output};
  return ArgumentsAre(step, kExpected, add::forward::kCount) && BroadcastsTo(step.value(kA), step.value(kY)) &&
         BroadcastsTo(step.value(kB), step.value(kY));
}

StridedWalk Walk(const StepView& step, uint32_t result, uint32_t a, uint32_t b) {
  return BroadcastWalk(DimsOf(step.value(result)), DimsOf(step.value(a)), DimsOf(step.value(b)));
}

// ADD and SUB

constexpr uint32_t kAddFactors = 3;  // of a, of b, of their sum

TFLM_TRAIN_COLD Status CheckAdd(const StepView& step) {
  if (step.word_count() != add::kFactors + 2 * kAddFactors || !AreInt8(step, add::kAZero, add::kLow) ||
      !RangeFits(step, add::kLow) || (step.word(add::kSign) != 1 && step.word(add::kSign) != -1) ||
      !FactorsFit(step, add::kFactors, step.word_count())) {
    return Status::kPlanInvalid;
  }
  if (step.phase() != Phase::kBackward) return PlanStatus(ForwardFits(step));
  using namespace add::backward;
  constexpr Expected kExpected[] = {kInt8, kErrorOutput, kErrorOutputIfAny, kErrorOutputIfAny};
  return PlanStatus(ArgumentsAre(step, kExpected, kCount) &&
                    SameElements(step.value(add::backward::kY), step.value(kDy)) && AddErrorsFit(step, kDy));
}

void ForwardAdd(const StepView& step, WorkCounters&) {
  const s8::AddStage stage = {step.word(add::kAZero), step.word(add::kBZero), {step.words() + add::kFactors, 2},
                              step.word(add::kYZero), step.word(add::kLow),   step.word(add::kHigh)};
  const auto forward = kFastKernels ? fast::s8::AddForward : s8::AddForward;
  forward(Walk(step, kY, kA, kB), stage, step.word(add::kSign), step.data<int8_t>(kA), step.data<int8_t>(kB),
          step.data<int8_t>(kY));
}

void BackwardAdd(const StepView& step, const BackwardContext&) {
  using namespace add::backward;
  MaskClamped(step, add::kLow, add::backward::kY, kDy);
  PutAddErrors(step, kDy, static_cast<float>(step.word(add::kSign)));
}

// MUL

/// The error `d` of an operand is there only with the other operand, the factor; both fit into dy.
TFLM_TRAIN_COLD bool ErrorOfFactorFits(const StepView& step, uint32_t d, uint32_t factor) {
  using namespace mul::backward;
  if (!step.Has(d)) return true;
  return step.Has(factor) && BroadcastsTo(step.value(d), step.value(kDy)) &&
         BroadcastsTo(step.value(factor), step.value(kDy));
}

TFLM_TRAIN_COLD Status CheckMul(const StepView& step) {
  if (step.word_count() != mul::kWords || !AreInt8(step, mul::kAZero, mul::kLow) || !RangeFits(step, mul::kLow) ||
      !IsPositiveFinite(step.word_f32(mul::kAScale)) || !IsPositiveFinite(step.word_f32(mul::kBScale)) ||
      !FactorsFit(step, mul::kMultiplier, mul::kWords)) {
    return Status::kPlanInvalid;
  }
  if (step.phase() != Phase::kBackward) return PlanStatus(ForwardFits(step));
  using namespace mul::backward;
  constexpr Expected kExpected[] = {kInt8IfAny, kInt8IfAny, kInt8, kErrorOutput, kErrorOutputIfAny, kErrorOutputIfAny};
  return PlanStatus(ArgumentsAre(step, kExpected, kCount) &&
                    SameElements(step.value(mul::backward::kY), step.value(kDy)) &&
                    ErrorOfFactorFits(step, kDa, mul::backward::kB) && ErrorOfFactorFits(step, kDb, mul::backward::kA));
}

void ForwardMul(const StepView& step, WorkCounters& work) {
  const OutputStage stage = {
      {step.words() + mul::kMultiplier, 0}, step.word(mul::kYZero), step.word(mul::kLow), step.word(mul::kHigh)};
  s8::MulForward(Walk(step, kY, kA, kB), step.word(mul::kAZero), step.word(mul::kBZero), stage, step.data<int8_t>(kA),
                 step.data<int8_t>(kB), step.data<int8_t>(kY), work);
}

/// The error of operand `output` from `factor`, the other one, whose zero point and scale are these words.
void PutErrorOfFactor(const StepView& step, uint32_t output, uint32_t factor, uint32_t zero, uint32_t scale,
                      WorkCounters& work) {
  using namespace mul::backward;
  const uint32_t d = kDa + output;
  if (!step.Has(d)) return;
  if (!step.accumulates(output)) Fill(0.0f, step.data<float>(d), Elements(step.value(d)));
  s8::MulBackward(Walk(step, kDy, d, factor), step.word(zero), step.word_f32(scale), step.data<int8_t>(factor),
                  step.data<float>(kDy), step.data<float>(d));
  Count(work.input_error, Elements(step.value(kDy)));
}

void BackwardMul(const StepView& step, const BackwardContext& context) {
  using namespace mul;
  MaskClamped(step, kLow, backward::kY, backward::kDy);
  PutErrorOfFactor(step, 0, backward::kB, kBZero, kBScale, *context.work);
  PutErrorOfFactor(step, 1, backward::kA, kAZero, kAScale, *context.work);
}

// MAXIMUM and MINIMUM

TFLM_TRAIN_COLD bool ErrorOfChosenFits(const StepView& step, uint32_t d, uint32_t operand) {
  using namespace most::backward;
  if (!step.Has(d)) return true;
  return step.Has(most::backward::kA) && step.Has(most::backward::kB) &&
         SameShape(step.value(d), step.value(operand)) &&
         BroadcastsTo(step.value(most::backward::kA), step.value(kDy)) &&
         BroadcastsTo(step.value(most::backward::kB), step.value(kDy));
}

TFLM_TRAIN_COLD Status CheckChoice(const StepView& step) {
  if (step.word_count() != 0) return Status::kPlanInvalid;
  if (step.phase() != Phase::kBackward) return PlanStatus(ForwardFits(step));
  using namespace most::backward;
  constexpr Expected kExpected[] = {kInt8IfAny, kInt8IfAny, kErrorOutput, kErrorOutputIfAny, kErrorOutputIfAny};
  return PlanStatus(ArgumentsAre(step, kExpected, kCount) && ErrorOfChosenFits(step, kDa, most::backward::kA) &&
                    ErrorOfChosenFits(step, kDb, most::backward::kB));
}

template <class Function>
void ForwardChoice(const StepView& step, WorkCounters&) {
  BroadcastForward(Walk(step, kY, kA, kB), static_cast<const int8_t*>(step.data<int8_t>(kA)), step.data<int8_t>(kB),
                   step.data<int8_t>(kY), Function::template Value<int8_t>);
}

template <class Function, bool kOfB>
void PutErrorOfChosen(const StepView& step) {
  using namespace most::backward;
  constexpr uint32_t kTarget = kOfB ? uint32_t{kDb} : uint32_t{kDa};
  if (!step.Has(kTarget)) return;
  float* d = step.data<float>(kTarget);
  if (!step.accumulates(kOfB ? 1 : 0)) Fill(0.0f, d, Elements(step.value(kTarget)));
  BinaryBackward<Function, kOfB>(Walk(step, kDy, most::backward::kA, most::backward::kB),
                                 static_cast<const int8_t*>(step.data<int8_t>(most::backward::kA)),
                                 step.data<int8_t>(most::backward::kB),
                                 static_cast<const float*>(step.data<float>(kDy)), d);
}

template <class Function>
void BackwardChoice(const StepView& step, const BackwardContext&) {
  PutErrorOfChosen<Function, false>(step);
  PutErrorOfChosen<Function, true>(step);
}

}  // namespace

const OperatorOf<KernelId::kAddInt8> kAddInt8 = {add::kArguments, CheckAdd, ForwardAdd, BackwardAdd};
const OperatorOf<KernelId::kAddInt8> kAddInt8Forward = {add::kArguments, CheckAdd, ForwardAdd, nullptr};
const OperatorOf<KernelId::kMulInt8> kMulInt8 = {mul::kArguments, CheckMul, ForwardMul, BackwardMul};
const OperatorOf<KernelId::kMulInt8> kMulInt8Forward = {mul::kArguments, CheckMul, ForwardMul, nullptr};
const OperatorOf<KernelId::kMaximumInt8> kMaximumInt8 = {most::kArguments, CheckChoice, ForwardChoice<MaximumFunction>,
                                                         BackwardChoice<MaximumFunction>};
const OperatorOf<KernelId::kMaximumInt8> kMaximumInt8Forward = {most::kArguments, CheckChoice,
                                                                ForwardChoice<MaximumFunction>, nullptr};
const OperatorOf<KernelId::kMinimumInt8> kMinimumInt8 = {
    arguments::minimum_int8::kArguments, CheckChoice, ForwardChoice<MinimumFunction>, BackwardChoice<MinimumFunction>};
const OperatorOf<KernelId::kMinimumInt8> kMinimumInt8Forward = {arguments::minimum_int8::kArguments, CheckChoice,
                                                                ForwardChoice<MinimumFunction>, nullptr};

}  // namespace tflm_train
