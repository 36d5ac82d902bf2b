#include "tflm_train/operators/check.h"

namespace tflm_train {
namespace {

/// dims[i] of a value seen with kMaxRank dimensions, ones in front.
int32_t PaddedDim(const ValueRecord& value, int32_t i) {
  const int32_t own = i - (kMaxRank - value.rank);
  return own < 0 ? 1 : value.dims[own];
}

}  // namespace

bool IsValue(const StepView& step, uint32_t argument, ScalarType type) {
  if (!step.Has(argument)) return false;
  const ValueRecord& value = step.value(argument);
  if (static_cast<ScalarType>(value.type) != type || value.rank < 1 || value.rank > kMaxRank) return false;
  for (int32_t i = 0; i < value.rank; ++i) {
    if (value.dims[i] < 1) return false;
  }
  return true;
}

bool IsFloatOutput(const StepView& step, uint32_t argument) {
  return IsFloat(step, argument) && IsInArena(step.value(argument));
}

bool SameShape(const ValueRecord& a, const ValueRecord& b) {
  if (a.rank != b.rank) return false;
  for (int32_t i = 0; i < a.rank; ++i) {
    if (a.dims[i] != b.dims[i]) return false;
  }
  return true;
}

bool SameElements(const ValueRecord& a, const ValueRecord& b) { return Elements(a) == Elements(b); }

bool Overlap(const ValueRecord& a, const ValueRecord& b) {
  return IsInArena(a) && IsInArena(b) && a.offset < uint64_t{b.offset} + b.bytes &&
         b.offset < uint64_t{a.offset} + a.bytes;
}

bool IsDisjoint(const StepView& step, uint32_t argument) {
  for (uint32_t i = 0; i < step.size(); ++i) {
    if (i != argument && step.Has(i) && Overlap(step.value(i), step.value(argument))) return false;
  }
  return true;
}

bool IsImage(const ValueRecord& value) { return value.rank == 4 && value.dims[0] == 1; }

bool BroadcastsTo(const ValueRecord& operand, const ValueRecord& result) {
  if (operand.rank > result.rank) return false;
  for (int32_t i = 0; i < kMaxRank; ++i) {
    const int32_t size = PaddedDim(operand, i);
    if (size != 1 && size != PaddedDim(result, i)) return false;
  }
  return true;
}

bool MaskFits(const StepView& step, uint32_t word, uint32_t y, uint32_t dy) {
  if (!IsActivation(step.word(word))) return false;
  if (ActivationWord(step, word) == Activation::kNone) return true;
  return IsFloat(step, y) && SameElements(step.value(y), step.value(dy));
}

bool WindowFits(int32_t in, int32_t out, int32_t filter, int32_t stride, int32_t dilation, int32_t pad) {
  constexpr int64_t kLimit = int64_t{1} << 29;
  if (in < 1 || out < 1 || filter < 1 || stride < 1 || dilation < 1 || pad < 0) return false;
  const int64_t window = (int64_t{filter} - 1) * dilation + 1;
  const int64_t last = (int64_t{out} - 1) * stride - pad;
  return in < kLimit && window < kLimit && stride < kLimit && dilation < kLimit && pad < window && last < in;
}

}  // namespace tflm_train
