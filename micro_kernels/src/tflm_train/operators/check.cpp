#include "tflm_train/operators/check.h"

namespace tflm_train {
namespace {

/// dims[i] of a value seen with kMaxRank dimensions, ones in front.
TFLM_TRAIN_COLD int32_t PaddedDim(const ValueRecord& value, int32_t i) {
  const int32_t own = i - (kMaxRank - value.rank);
  return own < 0 ? 1 : value.dims[own];
}

}  // namespace

bool IsValue(const StepView& step, uint32_t argument, ScalarType type) {
  if (!step.Has(argument)) return false;
  const ValueRecord& value = step.value(argument);
  return static_cast<ScalarType>(value.type) == type && CheckedElements(value) != 0;
}

bool IsFloat(const StepView& step, uint32_t argument) { return IsValue(step, argument, ScalarType::kFloat32); }

bool IsFloatOutput(const StepView& step, uint32_t argument) {
  return IsFloat(step, argument) && IsInArena(step.value(argument));
}

bool ArgumentsFit(const StepView& step, uint32_t count, uint32_t needs) {
  using namespace need;
  constexpr uint32_t kTypes = kWinnersIfAny, kPresent = kFloat - kFloatIfAny;
  if (step.size() != count) return false;
  for (uint32_t i = 0; needs != 0; ++i, needs >>= 4) {
    const uint32_t type = needs & kTypes;
    if ((needs & kPresent) == 0 && (type == kAnything || !step.Has(i))) continue;
    if (!IsValue(step, i, type == kWinnersIfAny ? ScalarType::kUint8 : ScalarType::kFloat32) ||
        (type != kFloatIfAny && !IsInArena(step.value(i)))) {
      return false;
    }
  }
  return true;
}

bool ArgumentsAre(const StepView& step, const Expected* expected, uint32_t count) {
  if (step.size() != count) return false;
  for (uint32_t i = 0; i < count; ++i) {
    if (expected[i].optional && !step.Has(i)) continue;
    if (!IsValue(step, i, expected[i].type) || (expected[i].output && !IsInArena(step.value(i)))) return false;
  }
  return true;
}

template <>
bool MoveArgumentsFit<int8_t>(const StepView& step) {
  if (step.phase() == Phase::kBackward) return MoveArgumentsFit<float>(step);
  constexpr Expected kExpected[] = {{ScalarType::kInt8}, {ScalarType::kInt8, false, true}};
  return ArgumentsAre(step, kExpected, 2);
}

bool UnaryArgumentsFit(const StepView& step) {
  const bool backward = step.phase() == Phase::kBackward;
  return ArgumentsFit(step, backward ? 3 : 2,
                      backward ? Needs(need::kFloat, need::kFloat, need::kOutput) : Needs(need::kFloat, need::kOutput));
}

bool SameShape(const ValueRecord& a, const ValueRecord& b) {
  if (a.rank != b.rank) return false;
  for (int32_t i = 0; i < a.rank; ++i) {
    if (a.dims[i] != b.dims[i]) return false;
  }
  return true;
}

bool SameElements(const ValueRecord& a, const ValueRecord& b) { return CheckedElements(a) == CheckedElements(b); }

bool Overlap(const ValueRecord& a, const ValueRecord& b) {
  const bool share = a.offset < b.offset ? b.offset - a.offset < a.bytes : a.offset - b.offset < b.bytes;
  return share && IsInArena(a) && IsInArena(b);
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
  // Last positions. What is 0 or negative becomes larger than any limit; no sum or product leaves 31 bits.
  constexpr uint32_t kLimit = (1u << 29) - 1;
  const auto last = [](int32_t size) { return static_cast<uint32_t>(size) - 1; };
  const uint32_t step = last(dilation), before = static_cast<uint32_t>(pad);
  return last(in) < kLimit && last(stride) < kLimit && step < kLimit && last(filter) <= (kLimit - 1) / (step + 1) &&
         before <= last(filter) * (step + 1) && last(out) <= (last(in) + before) / (last(stride) + 1);
}

}  // namespace tflm_train
