// Bias gradient of every layer.
#ifndef TFLM_TRAIN_KERNELS_BIAS_H_
#define TFLM_TRAIN_KERNELS_BIAS_H_

#include "tflm_train/kernels/locator.h"
#include "tflm_train/kernels/selected_elements.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// target[channel] += scale * dy, selected elements only.
template <class T, class Locator>
void BiasGradient(const Selection& selection, const T* dy, uint32_t elements, Locator locator, T scale, T* target) {
  SelectedElements<T> selected(selection, dy, elements);
  uint32_t element;
  while (selected.Next(&element)) {
    if (locator.MoveTo(element)) target[locator.channel()] += scale * dy[element];
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_BIAS_H_
