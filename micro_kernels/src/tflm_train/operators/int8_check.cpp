#include "tflm_train/operators/int8_check.h"

namespace tflm_train {

bool AreInt8(const StepView& step, uint32_t first, uint32_t end) {
  for (; first < end; ++first) {
    if (!IsInt8(step.word(first))) return false;
  }
  return true;
}

bool RangeFits(const StepView& step, uint32_t word) {
  return AreInt8(step, word, word + 2) && step.word(word) <= step.word(word + 1);
}

bool FactorsFit(const StepView& step, uint32_t first, uint32_t end) {
  for (; first < end; first += 2) {
    if (!IsFactor(step.word(first), step.word(first + 1))) return false;
  }
  return true;
}

bool ElementWiseFits(const StepView& step, const Expected* expected, uint32_t count) {
  if (!ArgumentsAre(step, expected, count)) return false;
  for (uint32_t i = 1; i < count; ++i) {
    if (!SameElements(step.value(i), step.value(0))) return false;
  }
  return true;
}

void MaskClamped(const StepView& step, uint32_t low, uint32_t y, uint32_t dy) {
  MaskClamped(step.word(low), step.word(low + 1), step.data<int8_t>(y), Elements(step.value(dy)), step.data<float>(dy));
}

}  // namespace tflm_train
