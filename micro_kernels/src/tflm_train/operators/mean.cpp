#include "tflm_train/kernels/mean.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/reduction.h"

namespace tflm_train {
namespace {

using namespace arguments::mean;  // SUM has the same

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (!ArgumentsFit(step, 2, Needs(need::kFloat, need::kOutput))) return Status::kPlanInvalid;
  const bool backward = step.phase() == Phase::kBackward;
  return PlanStatus(step.word_count() == kWords &&
                    ReductionFits(step, step.value(backward ? 1 : 0), step.value(backward ? 0 : 1)));
}

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  MeanForward<float>(ReadReduction(step), step.data<float>(kX), step.data<float>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  MeanBackward<float>(ReadReduction(step), step.data<float>(kDy), step.accumulates(0), step.data<float>(kDx));
}

void ForwardSum(const StepView& step, WorkCounters&) {
  using namespace forward;
  SumForward<float>(ReadReduction(step), 1.0f, step.data<float>(kX), step.data<float>(kY));
}

void BackwardSum(const StepView& step, const BackwardContext&) {
  using namespace backward;
  SumBackward<float>(ReadReduction(step), 1.0f, step.data<float>(kDy), step.accumulates(0), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kSum> kSum = {kArguments, Check, ForwardSum, BackwardSum};
const OperatorOf<KernelId::kSum> kSumForward = {kArguments, Check, ForwardSum, nullptr};
const OperatorOf<KernelId::kMean> kMean = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kMean> kMeanForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
