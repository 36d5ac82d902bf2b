// Walks the selected elements of an error map in ascending order.
#ifndef TFLM_TRAIN_KERNELS_SELECTED_ELEMENTS_H_
#define TFLM_TRAIN_KERNELS_SELECTED_ELEMENTS_H_

#include "tflm_train/kernels/types.h"

namespace tflm_train {

template <class T>
class SelectedElements {
 public:
  SelectedElements(const Selection& selection, const T* error, uint32_t elements)
      : error_(error), end_(elements), zeros_too_(selection.mode == Selection::Mode::kAll) {}

  /// False after the last one.
  bool Next(uint32_t* element) {
    while (next_ < end_ && !zeros_too_ && error_[next_] == T(0)) ++next_;
    if (next_ == end_) return false;
    *element = next_++;
    return true;
  }

 private:
  const T* const error_;
  const uint32_t end_;
  const bool zeros_too_;
  uint32_t next_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_SELECTED_ELEMENTS_H_
