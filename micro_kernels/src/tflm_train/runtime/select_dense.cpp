#include "tflm_train/runtime/selector.h"

namespace tflm_train {

Selection SelectDense(uint32_t elements, bool zero_skip) {
  Selection selection;
  selection.mode = zero_skip ? Selection::Mode::kNonZero : Selection::Mode::kAll;
  selection.count = elements;
  return selection;
}

}  // namespace tflm_train
