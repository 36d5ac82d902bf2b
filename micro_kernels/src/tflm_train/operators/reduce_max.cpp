#include "tflm_train/kernels/reduce_max.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/reduction.h"

namespace tflm_train {
namespace {

using namespace arguments::reduce_max;

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.phase() != Phase::kBackward) {
    using namespace forward;
    return PlanStatus(ArgumentsFit(step, kCount, Needs(need::kFloat, need::kOutput)) && step.word_count() == kWords &&
                      ReductionFits(step, step.value(kX), step.value(kY)));
  }
  using namespace backward;
  return PlanStatus(ArgumentsFit(step, kCount, Needs(need::kFloat, need::kFloat, need::kOutput, need::kOutput)) &&
                    step.word_count() == kWords && ReductionFits(step, step.value(kDx), step.value(kDy)) &&
                    SameElements(step.value(kX), step.value(kDx)) && SameElements(step.value(kY), step.value(kDy)));
}

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  ReduceMaxForward<float>(ReadReduction(step), step.data<float>(kX), step.data<float>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  ReduceMaxBackward<float, float>(ReadReduction(step), step.data<float>(kX), step.data<float>(kY),
                                  step.data<float>(kDy), step.accumulates(0), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kReduceMax> kReduceMax = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kReduceMax> kReduceMaxForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
