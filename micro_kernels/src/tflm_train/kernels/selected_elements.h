// Walks the selected elements of an error map, or of some of its channels, in ascending order.
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

/// Channels [first, first + count) of `all`.
struct ChannelRange {
  uint32_t first, count, all;
};

/// Calls visit(element) for the selected elements of these channels, ascending.
template <class T, class Visit>
void ForEachSelected(const Selection& selection, const T* error, uint32_t elements, const ChannelRange& channels,
                     Visit visit) {
  const bool zeros_too = selection.mode == Selection::Mode::kAll;
  for (uint32_t pixel = channels.first; pixel < elements; pixel += channels.all) {
    for (uint32_t element = pixel; element < pixel + channels.count; ++element) {
      if (zeros_too || error[element] != T(0)) visit(element);
    }
  }
}

/// Whether one of a channel's elements is selected: its row of the weight gradient has an end.
template <class T>
bool SelectsChannel(const Selection& selection, const T* error, uint32_t elements, uint32_t channel,
                    uint32_t channels) {
  if (selection.every_row()) return true;
  for (; channel < elements; channel += channels) {
    if (error[channel] != T(0)) return true;
  }
  return false;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_SELECTED_ELEMENTS_H_
