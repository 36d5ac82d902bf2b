#include "tflm_train/kernels/move.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::copy;

// forward (x, y), backward (dy, dx).
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  return PlanStatus(step.word_count() == 0 && ArgumentsFit(step, 2, Needs(need::kFloat, need::kOutput)) &&
                    SameElements(step.value(0), step.value(1)));
}

void Forward(const StepView& step, WorkCounters&) {
  CopyForward<float>(step.data<float>(0), Elements(step.value(0)), step.data<float>(1));
}

void Backward(const StepView& step, const BackwardContext&) {
  CopyBackward<float>(step.data<float>(0), Elements(step.value(0)), step.accumulates(0), step.data<float>(1));
}

}  // namespace

const OperatorOf<KernelId::kCopy> kCopy = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kCopy> kCopyForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
