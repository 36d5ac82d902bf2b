#include "tflm_train/kernels/move.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::pad;

// forward (x, y), backward (dy, dx); words: elements before x, one per dimension.
StridedWalk Walk(const StepView& step, const ValueRecord& inner, const ValueRecord& outer, ptrdiff_t* offset) {
  int32_t before[kMaxRank];
  for (uint32_t i = 0; i < inner.rank; ++i) before[i] = step.word(i);
  return PadWalk(DimsOf(inner), DimsOf(outer), before, offset);
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (!ArgumentsFit(step, 2, Needs(need::kFloat, need::kOutput))) return Status::kPlanInvalid;
  const bool backward = step.phase() == Phase::kBackward;
  const ValueRecord& inner = step.value(backward ? 1 : 0);
  const ValueRecord& outer = step.value(backward ? 0 : 1);
  if (inner.rank != outer.rank || step.word_count() != inner.rank) return Status::kPlanInvalid;
  for (uint32_t i = 0; i < inner.rank; ++i) {
    if (step.word(i) < 0 || step.word(i) > outer.dims[i] - inner.dims[i]) return Status::kPlanInvalid;
  }
  return Status::kOk;
}

void Forward(const StepView& step, WorkCounters&) {
  ptrdiff_t offset;
  const StridedWalk walk = Walk(step, step.value(0), step.value(1), &offset);
  PadForward<float>(walk, offset, 0.0f, step.data<float>(0), Elements(step.value(1)), step.data<float>(1));
}

void Backward(const StepView& step, const BackwardContext&) {
  ptrdiff_t offset;
  const StridedWalk walk = Walk(step, step.value(1), step.value(0), &offset);
  PadBackward<float>(walk, offset, step.data<float>(0), step.accumulates(0), step.data<float>(1));
}

}  // namespace

const OperatorOf<KernelId::kPad> kPad = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kPad> kPadForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
