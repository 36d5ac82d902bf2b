#include "tflm_train/operators/add.h"

#include "tflm_train/kernels/arithmetic.h"
#include "tflm_train/operators/arithmetic.h"
#include "tflm_train/operators/check.h"

namespace tflm_train {
namespace {

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  return step.phase() == Phase::kBackward ? CheckAddBackward(step) : CheckArithmeticForward(step);
}

void Forward(const StepView& step, WorkCounters&) {
  const StridedWalk walk = BroadcastWalk(DimsOf(step.value(2)), DimsOf(step.value(0)), DimsOf(step.value(1)));
  AddForward<float>(walk, step.data<float>(0), step.data<float>(1), ActivationWord(step, 0), step.data<float>(2));
}

void Backward(const StepView& step, const BackwardContext&) { RunAddBackward(step, 1.0f); }

}  // namespace

const Operator kAdd = {KernelId::kAdd, KernelArguments::Binary(1), Check, Forward, Backward};
const Operator kAddForward = {KernelId::kAdd, KernelArguments::Binary(1), Check, Forward, nullptr};

}  // namespace tflm_train
