#include "tflm_train/kernels/mean.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::mean;

// forward (x, y), backward (dy, dx); words: outer, reduced, inner.
MeanShape Shape(const StepView& step) {
  const auto size = [&step](uint32_t word) { return static_cast<uint32_t>(step.word(word)); };
  return {size(0), size(1), size(2)};
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != 3 || !ArgumentsFit(step, 2, Needs(need::kFloat, need::kOutput))) return Status::kPlanInvalid;
  for (uint32_t i = 0; i < 3; ++i) {
    if (step.word(i) < 1) return Status::kPlanInvalid;
  }
  const bool backward = step.phase() == Phase::kBackward;
  const uint32_t x = Elements(step.value(backward ? 1 : 0)), y = Elements(step.value(backward ? 0 : 1));
  const MeanShape s = Shape(step);
  return PlanStatus(y % s.inner == 0 && y / s.inner == s.outer && x % y == 0 && x / y == s.reduced);
}

void Forward(const StepView& step, WorkCounters&) {
  MeanForward<float>(Shape(step), step.data<float>(0), step.data<float>(1));
}

void Backward(const StepView& step, const BackwardContext&) {
  MeanBackward<float>(Shape(step), step.data<float>(0), step.accumulates(0), step.data<float>(1));
}

}  // namespace

const Operator kMean = {KernelId::kMean, kArguments, Check, Forward, Backward};
const Operator kMeanForward = {KernelId::kMean, kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
