#include <type_traits>

#include "tflm_train/kernels/move.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/int8_check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::pad;

// forward (x, y), backward (dy, dx); words: elements before x, one per dimension, in int8 behind the zero point.
template <class T>
constexpr uint32_t kFirstWord = std::is_same_v<T, int8_t> ? 1 : 0;

template <class T>
StridedWalk Walk(const StepView& step, const ValueRecord& inner, const ValueRecord& outer, ptrdiff_t* offset) {
  int32_t before[kMaxRank];
  for (uint32_t i = 0; i < inner.rank; ++i) before[i] = step.word(kFirstWord<T> + i);
  return PadWalk(DimsOf(inner), DimsOf(outer), before, offset);
}

template <class T>
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (!MoveArgumentsFit<T>(step)) return Status::kPlanInvalid;
  const bool backward = step.phase() == Phase::kBackward;
  const ValueRecord& inner = step.value(backward ? 1 : 0);
  const ValueRecord& outer = step.value(backward ? 0 : 1);
  if (inner.rank != outer.rank || step.word_count() != kFirstWord<T> + inner.rank) return Status::kPlanInvalid;
  if (kFirstWord<T> != 0 && !IsInt8(step.word(0))) return Status::kPlanInvalid;
  for (uint32_t i = 0; i < inner.rank; ++i) {
    const int32_t before = step.word(kFirstWord<T> + i);
    if (before < 0 || before > outer.dims[i] - inner.dims[i]) return Status::kPlanInvalid;
  }
  return Status::kOk;
}

template <class T>
void Forward(const StepView& step, WorkCounters&) {
  ptrdiff_t offset;
  const StridedWalk walk = Walk<T>(step, step.value(0), step.value(1), &offset);
  const T around = kFirstWord<T> == 0 ? T(0) : static_cast<T>(step.word(0));
  PadForward<T>(walk, offset, around, step.data<T>(0), Elements(step.value(1)), step.data<T>(1));
}

template <class T>
void Backward(const StepView& step, const BackwardContext&) {
  ptrdiff_t offset;
  const StridedWalk walk = Walk<T>(step, step.value(1), step.value(0), &offset);
  PadBackward<float>(walk, offset, step.data<float>(0), step.accumulates(0), step.data<float>(1));
}

}  // namespace

const OperatorOf<KernelId::kPad> kPad = {kArguments, Check<float>, Forward<float>, Backward<float>};
const OperatorOf<KernelId::kPad> kPadForward = {kArguments, Check<float>, Forward<float>, nullptr};
const OperatorOf<KernelId::kPadInt8> kPadInt8 = {arguments::pad_int8::kArguments, Check<int8_t>, Forward<int8_t>,
                                                 Backward<int8_t>};
const OperatorOf<KernelId::kPadInt8> kPadInt8Forward = {arguments::pad_int8::kArguments, Check<int8_t>, Forward<int8_t>,
                                                        nullptr};

}  // namespace tflm_train
