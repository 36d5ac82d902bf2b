#include "tflm_train/kernels/arithmetic.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/arithmetic.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::sub;

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  return step.phase() == Phase::kBackward ? CheckAddBackward(step) : CheckArithmeticForward(step);
}

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  const StridedWalk walk = BroadcastWalk(DimsOf(step.value(kY)), DimsOf(step.value(kA)), DimsOf(step.value(kB)));
  SubForward<float>(walk, step.data<float>(kA), step.data<float>(kB), ActivationWord(step, kActivation),
                    step.data<float>(kY));
}

void Backward(const StepView& step, const BackwardContext&) { RunAddBackward(step, -1.0f); }

}  // namespace

const OperatorOf<KernelId::kSub> kSub = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kSub> kSubForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
