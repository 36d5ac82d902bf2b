#include "tflm_train/runtime/step_view.h"

namespace tflm_train {

void StepView::Resolve(uint32_t count, void** data) const {
  const uint16_t* index = indices_;
  const ValueRecord* const values = values_;
  uint8_t* const arena = memory_.arena_;
  uint8_t* const persistent = memory_.persistent_;
  const ParameterRecord* const parameters = memory_.parameters_;
  for (void** const end = data + count; data != end; ++data) {
    const uint32_t position = *index++;
    if (position == kNoneIndex) {
      *data = nullptr;
      continue;
    }
    const ValueRecord& value = values[position];
    const Place place = static_cast<Place>(value.place);
    if (place == Place::kArena && arena != nullptr) {
      *data = arena + value.offset;
    } else if (place == Place::kParameter && persistent != nullptr) {
      *data = persistent + parameters[value.offset].arena_offset;
    } else {
      *data = memory_.Resolve(value);
    }
  }
}

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
