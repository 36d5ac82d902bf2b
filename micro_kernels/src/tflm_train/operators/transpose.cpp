#include "tflm_train/kernels/move.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::transpose;

// forward (x, y), backward (dy, dx); words: dimension i of y is dimension word(i) of x.
StridedWalk Walk(const StepView& step, const ValueRecord& x) {
  int32_t permutation[kMaxRank];
  for (uint32_t i = 0; i < x.rank; ++i) permutation[i] = step.word(i);
  return TransposeWalk(DimsOf(x), permutation);
}

template <class T>
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (!MoveArgumentsFit<T>(step)) return Status::kPlanInvalid;
  const bool backward = step.phase() == Phase::kBackward;
  const ValueRecord& x = step.value(backward ? 1 : 0);
  const ValueRecord& y = step.value(backward ? 0 : 1);
  if (x.rank != y.rank || step.word_count() != x.rank) return Status::kPlanInvalid;
  uint32_t seen = 0;
  for (uint32_t i = 0; i < x.rank; ++i) {
    const int32_t from = step.word(i);
    if (from < 0 || from >= x.rank || (seen >> from & 1u) != 0) return Status::kPlanInvalid;
    if (x.dims[from] != y.dims[i]) return Status::kPlanInvalid;
    seen |= 1u << from;
  }
  return Status::kOk;
}

template <class T>
void Forward(const StepView& step, WorkCounters&) {
  TransposeForward<T>(Walk(step, step.value(0)), step.data<T>(0), step.data<T>(1));
}

void Backward(const StepView& step, const BackwardContext&) {
  TransposeBackward<float>(Walk(step, step.value(1)), step.data<float>(0), step.accumulates(0), step.data<float>(1));
}

}  // namespace

const OperatorOf<KernelId::kTranspose> kTranspose = {kArguments, Check<float>, Forward<float>, Backward};
const OperatorOf<KernelId::kTranspose> kTransposeForward = {kArguments, Check<float>, Forward<float>, nullptr};
const OperatorOf<KernelId::kTransposeInt8> kTransposeInt8 = {kArguments, Check<int8_t>, Forward<int8_t>, Backward};
const OperatorOf<KernelId::kTransposeInt8> kTransposeInt8Forward = {kArguments, Check<int8_t>, Forward<int8_t>,
                                                                    nullptr};

}  // namespace tflm_train
