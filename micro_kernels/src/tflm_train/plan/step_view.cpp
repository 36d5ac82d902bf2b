#include "tflm_train/plan/step_view.h"

namespace tflm_train {

void* ProgramView::At(uint32_t address) const {
  constexpr uint32_t kOffset = (1u << kAddressBits) - 1;
  const uint32_t base = address >> kAddressBits;
  if (base == static_cast<uint32_t>(Base::kFile)) return address == kNoneAddress ? nullptr : File(address & kOffset);
  return begin_[base] + (address & kOffset);
}

bool StepView::Has(uint32_t argument) const { return argument < size() && Index(argument) != kNoneIndex; }

const ValueRecord& StepView::value(uint32_t argument) const { return program_.value(Index(argument)); }

uint32_t CheckedElements(const ValueRecord& value) {
  if (value.rank < 1 || value.rank > kMaxRank) return 0;
  int32_t elements = 1;
  for (int32_t i = 0; i < value.rank; ++i) {
    if (value.dims[i] < 1 || elements > INT32_MAX / value.dims[i]) return 0;
    elements *= value.dims[i];
  }
  return static_cast<uint32_t>(elements);
}

}  // namespace tflm_train
