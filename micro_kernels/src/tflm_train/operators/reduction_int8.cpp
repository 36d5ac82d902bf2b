// MEAN, SUM and REDUCE_MAX in int8.
#include "tflm_train/kernels/reduce_max.h"
#include "tflm_train/kernels/s8/mean.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/int8_check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/reduction.h"
#include "tflm_train/plan/training_options.h"

namespace tflm_train {
namespace {

namespace sum = arguments::sum_int8;
namespace most = arguments::reduce_max_int8;

constexpr Expected kForwardArguments[] = {kInt8, kInt8Output};

TFLM_TRAIN_COLD Status CheckSum(const StepView& step) {
  if (step.word_count() != sum::kWords || !AreInt8(step, sum::kXZero, sum::kShare) ||
      !IsPositiveFinite(step.word_f32(sum::kShare)) || !FactorsFit(step, sum::kMultiplier, sum::kWords)) {
    return Status::kPlanInvalid;
  }
  if (step.phase() != Phase::kBackward) {
    using namespace sum::forward;
    return PlanStatus(ArgumentsAre(step, kForwardArguments, kCount) &&
                      ReductionFits(step, step.value(kX), step.value(kY)));
  }
  using namespace sum::backward;
  constexpr Expected kExpected[] = {kInt8, kErrorOutput, kErrorOutput};
  return PlanStatus(ArgumentsAre(step, kExpected, kCount) && ReductionFits(step, step.value(kDx), step.value(kDy)) &&
                    SameElements(step.value(kY), step.value(kDy)));
}

void ForwardSum(const StepView& step, WorkCounters&) {
  using namespace sum::forward;
  const OutputStage stage = {{step.words() + sum::kMultiplier, 0}, step.word(sum::kYZero), -128, 127};
  s8::SumForward(ReadReduction(step), step.word(sum::kXZero), step.data<int8_t>(kX), stage, step.data<int8_t>(kY));
}

void BackwardSum(const StepView& step, const BackwardContext&) {
  using namespace sum::backward;
  MaskClamped(-128, 127, step.data<int8_t>(kY), Elements(step.value(kDy)), step.data<float>(kDy));
  SumBackward<float>(ReadReduction(step), step.word_f32(sum::kShare), step.data<float>(kDy), step.accumulates(0),
                     step.data<float>(kDx));
}

TFLM_TRAIN_COLD Status CheckMax(const StepView& step) {
  if (step.word_count() != most::kWords) return Status::kPlanInvalid;
  if (step.phase() != Phase::kBackward) {
    using namespace most::forward;
    return PlanStatus(ArgumentsAre(step, kForwardArguments, kCount) &&
                      ReductionFits(step, step.value(kX), step.value(kY)));
  }
  using namespace most::backward;
  constexpr Expected kExpected[] = {kInt8, kInt8, kErrorOutput, kErrorOutput};
  return PlanStatus(ArgumentsAre(step, kExpected, kCount) && ReductionFits(step, step.value(kDx), step.value(kDy)) &&
                    SameElements(step.value(kX), step.value(kDx)) && SameElements(step.value(kY), step.value(kDy)));
}

void ForwardMax(const StepView& step, WorkCounters&) {
  using namespace most::forward;
  ReduceMaxForward<int8_t>(ReadReduction(step), step.data<int8_t>(kX), step.data<int8_t>(kY));
}

void BackwardMax(const StepView& step, const BackwardContext&) {
  using namespace most::backward;
  ReduceMaxBackward(ReadReduction(step), static_cast<const int8_t*>(step.data<int8_t>(kX)), step.data<int8_t>(kY),
                    static_cast<const float*>(step.data<float>(kDy)), step.accumulates(0), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kSumInt8> kSumInt8 = {sum::kArguments, CheckSum, ForwardSum, BackwardSum};
const OperatorOf<KernelId::kSumInt8> kSumInt8Forward = {sum::kArguments, CheckSum, ForwardSum, nullptr};
const OperatorOf<KernelId::kReduceMaxInt8> kReduceMaxInt8 = {most::kArguments, CheckMax, ForwardMax, BackwardMax};
const OperatorOf<KernelId::kReduceMaxInt8> kReduceMaxInt8Forward = {most::kArguments, CheckMax, ForwardMax, nullptr};

}  // namespace tflm_train
