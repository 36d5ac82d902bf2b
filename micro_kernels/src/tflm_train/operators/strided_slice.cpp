#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/move.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

// Words: begin, step and size for each dimension of x.
constexpr uint32_t kRangeWords = 3;

SliceRange Range(const StepView& step, uint32_t dimension) {
  const uint32_t first = kRangeWords * dimension;
  return {step.word(first), step.word(first + 1), step.word(first + 2)};
}

/// All elements of the range lie in a dimension of `size`.
TFLM_TRAIN_COLD bool RangeFits(const SliceRange& range, int32_t size) {
  if (range.size < 1 || range.begin < 0 || range.begin >= size || (range.size == 1 && range.step != 1)) return false;
  const int64_t last = range.begin + static_cast<int64_t>(range.step) * (range.size - 1);
  return last >= 0 && last < size;
}

template <class T>
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (!MoveArgumentsFit<T>(step)) return Status::kPlanInvalid;
  const bool backward = step.phase() == Phase::kBackward;
  const ValueRecord &x = step.value(backward ? 1 : 0), &y = step.value(backward ? 0 : 1);
  if (step.word_count() != kRangeWords * x.rank) return Status::kPlanInvalid;
  uint64_t elements = 1;
  for (uint32_t i = 0; i < x.rank; ++i) {
    const SliceRange range = Range(step, i);
    if (!RangeFits(range, x.dims[i])) return Status::kPlanInvalid;
    elements *= static_cast<uint32_t>(range.size);
    if (elements > UINT32_MAX) return Status::kPlanInvalid;
  }
  return PlanStatus(elements == Elements(y));
}

StridedWalk Walk(const StepView& step, const ValueRecord& x, ptrdiff_t* offset) {
  SliceRange ranges[kMaxRank];
  for (uint32_t i = 0; i < x.rank; ++i) ranges[i] = Range(step, i);
  return SliceWalk(DimsOf(x), ranges, offset);
}

template <class T>
void Forward(const StepView& step, WorkCounters&) {
  ptrdiff_t offset;
  const StridedWalk walk = Walk(step, step.value(0), &offset);
  TransposeForward<T>(walk, step.data<T>(0) + offset, step.data<T>(1));
}

void Backward(const StepView& step, const BackwardContext&) {
  const ValueRecord& dx = step.value(1);
  ptrdiff_t offset;
  const StridedWalk walk = Walk(step, dx, &offset);
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(1), Elements(dx));
  TransposeBackward<float>(walk, step.data<float>(0), true, step.data<float>(1) + offset);
}

}  // namespace

const OperatorOf<KernelId::kStridedSlice> kStridedSlice = {arguments::strided_slice::kArguments, Check<float>,
                                                           Forward<float>, Backward};
const OperatorOf<KernelId::kStridedSlice> kStridedSliceForward = {arguments::strided_slice::kArguments, Check<float>,
                                                                  Forward<float>, nullptr};
const OperatorOf<KernelId::kStridedSliceInt8> kStridedSliceInt8 = {arguments::strided_slice::kArguments, Check<int8_t>,
                                                                   Forward<int8_t>, Backward};
const OperatorOf<KernelId::kStridedSliceInt8> kStridedSliceInt8Forward = {arguments::strided_slice::kArguments,
                                                                          Check<int8_t>, Forward<int8_t>, nullptr};

}  // namespace tflm_train
