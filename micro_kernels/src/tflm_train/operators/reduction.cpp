#include "tflm_train/operators/reduction.h"

#include "tflm_train/operators/arguments.h"

namespace tflm_train {

using namespace arguments::mean;

MeanShape ReadReduction(const StepView& step) {
  const auto size = [&step](uint32_t word) { return static_cast<uint32_t>(step.word(word)); };
  return {size(kOuter), size(kReduced), size(kInner)};
}

bool ReductionFits(const StepView& step, const ValueRecord& x, const ValueRecord& y) {
  if (step.word_count() < kWords) return false;
  for (uint32_t i = 0; i < kWords; ++i) {
    if (step.word(i) < 1) return false;
  }
  const uint32_t in = Elements(x), out = Elements(y);
  const MeanShape s = ReadReduction(step);
  return out % s.inner == 0 && out / s.inner == s.outer && in % out == 0 && in / out == s.reduced;
}

}  // namespace tflm_train
