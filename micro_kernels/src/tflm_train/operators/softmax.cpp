#include "tflm_train/operators/softmax.h"

#include "tflm_train/kernels/softmax.h"
#include "tflm_train/operators/check.h"

namespace tflm_train {
namespace {

// forward (x, y), backward (y, dy, dx); word: beta (float).
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != 1 || !UnaryArgumentsFit(step)) return Status::kPlanInvalid;
  for (uint32_t i = 1; i < step.size(); ++i) {
    if (!SameShape(step.value(i), step.value(0))) return Status::kPlanInvalid;
  }
  return Status::kOk;
}

uint32_t RowElements(const ValueRecord& value) { return static_cast<uint32_t>(value.dims[value.rank - 1]); }

void Forward(const StepView& step, WorkCounters&) {
  const uint32_t n = RowElements(step.value(0));
  SoftmaxForward<float>(FloatElements(step.value(0)) / n, n, step.word_f32(0), step.data<float>(0), step.data<float>(1));
}

void Backward(const StepView& step, const BackwardContext&) {
  const uint32_t n = RowElements(step.value(0));
  SoftmaxBackward<float>(FloatElements(step.value(0)) / n, n, step.word_f32(0), step.data<float>(0), step.data<float>(1),
                         step.accumulates(0), step.data<float>(2));
}

}  // namespace

const Operator kSoftmax = {KernelId::kSoftmax, KernelArguments::Unary(1), Check, Forward, Backward};
const Operator kSoftmaxForward = {KernelId::kSoftmax, KernelArguments::Unary(1), Check, Forward, nullptr};

}  // namespace tflm_train
