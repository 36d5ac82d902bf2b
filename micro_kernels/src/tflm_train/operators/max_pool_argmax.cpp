#include "tflm_train/kernels/max_pool_2d.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/pool.h"

namespace tflm_train {
namespace {

using namespace arguments::max_pool_argmax;
using namespace forward;

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.phase() == Phase::kBackward ||
      !ArgumentsFit(step, kCount, Needs(need::kFloat, need::kFloat, need::kWinners))) {
    return Status::kPlanInvalid;
  }
  const ValueRecord& x = step.value(kX);
  const ValueRecord& y = step.value(kY);
  return PlanStatus(PoolStepFits(step, x, y) && ArgmaxFits(step, kArgmax, ReadPoolStep(step, x, y), y));
}

void Forward(const StepView& step, WorkCounters&) {
  MaxPool2dForward<float>(ReadPoolStep(step, step.value(kX), step.value(kY)), step.data<float>(kX),
                          Bounds<float>(Activation::kNone), nullptr, step.data<uint8_t>(kArgmax));
}

}  // namespace

const OperatorOf<KernelId::kMaxPoolArgmax> kMaxPoolArgmax = {kArguments, Check, Forward, nullptr};
const OperatorOf<KernelId::kMaxPoolArgmax> kMaxPoolArgmaxForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
