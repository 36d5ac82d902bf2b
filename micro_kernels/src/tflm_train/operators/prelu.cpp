#include "tflm_train/kernels/prelu.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::prelu;
using namespace backward;

/// x, w and the third argument: y, or its error.
PreluShape Shape(const StepView& step) {
  const uint32_t slopes = FloatElements(step.value(kW));
  return {FloatElements(step.value(kX)) / slopes, slopes};
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  const bool backward = step.phase() == Phase::kBackward;
  const uint32_t needs = Needs(need::kFloat, need::kFloat, need::kOutput, need::kOutputIfAny);
  if (step.word_count() != 0 || !ArgumentsFit(step, backward ? uint32_t{kCount} : uint32_t{forward::kCount}, needs)) {
    return Status::kPlanInvalid;
  }
  const ValueRecord& x = step.value(kX);
  return PlanStatus(CheckedElements(x) % CheckedElements(step.value(kW)) == 0 && SameElements(x, step.value(kDy)) &&
                    (!step.Has(kDx) || SameElements(x, step.value(kDx))));
}

void Forward(const StepView& step, WorkCounters& work) {
  PreluForward<float>(Shape(step), step.data<float>(forward::kX), step.data<float>(forward::kW),
                      step.data<float>(forward::kY), work);
}

void Backward(const StepView& step, const BackwardContext& context) {
  const PreluShape shape = Shape(step);
  PreluBackward<float>(shape, step.data<float>(kX), step.data<float>(kW), step.data<float>(kDy), step.accumulates(0),
                       context.sink, context.weight_target, step.data<float>(kDx), *context.work);
  if (context.weight_target != nullptr) Count(context.work->update, shape.slopes);
}

}  // namespace

const OperatorOf<KernelId::kPrelu> kPrelu = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kPrelu> kPreluForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
