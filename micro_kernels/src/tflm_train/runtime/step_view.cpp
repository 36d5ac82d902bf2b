#include "tflm_train/runtime/step_view.h"

namespace tflm_train {

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
