#include "tflm_train/kernels/softmax.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::log_softmax;

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != kWords || !UnaryArgumentsFit(step)) return Status::kPlanInvalid;
  const ValueRecord& value = step.value(0);
  for (uint32_t i = 1; i < step.size(); ++i) {
    if (!SameShape(step.value(i), value)) return Status::kPlanInvalid;
  }
  const int32_t columns = value.dims[value.rank - 1];
  return PlanStatus(step.word(kColumns) == columns && step.word(kRows) >= 0 &&
                    CheckedElements(value) == static_cast<uint64_t>(step.word(kRows)) * static_cast<uint32_t>(columns));
}

uint32_t Rows(const StepView& step) { return static_cast<uint32_t>(step.word(kRows)); }
uint32_t Columns(const StepView& step) { return static_cast<uint32_t>(step.word(kColumns)); }

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  LogSoftmaxForward<float>(Rows(step), Columns(step), step.data<float>(kX), step.data<float>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  LogSoftmaxBackward<float>(Rows(step), Columns(step), step.data<float>(kY), step.data<float>(kDy), step.accumulates(0),
                            step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kLogSoftmax> kLogSoftmax = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kLogSoftmax> kLogSoftmaxForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
