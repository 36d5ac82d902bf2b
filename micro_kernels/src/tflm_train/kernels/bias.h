// Bias gradient of every layer.
#ifndef TFLM_TRAIN_KERNELS_BIAS_H_
#define TFLM_TRAIN_KERNELS_BIAS_H_

#include "tflm_train/kernels/locator.h"
#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/kernels/selected_elements.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// The gradient of biases, for `sink` to finish: a channel's selected errors are summed before the target is touched.
template <class T, class Locator>
void BiasGradient(const Selection& selection, const T* dy, uint32_t elements, const Locator& map, const Sink<T>& sink,
                  T* target) {
  const uint32_t channels = static_cast<uint32_t>(map.channels());
  if (sink.rule != nullptr) return sink.rule->end_biases(sink, target, selection, dy, elements, channels);
  for (uint32_t channel = 0; channel < channels; ++channel) {
    Locator locator = map;
    T sum = T(0);
    ForEachSelected(selection, dy, elements, {channel, 1, channels}, [&](uint32_t element) {
      if (locator.MoveTo(element)) sum += dy[element];
    });
    if (sum != T(0)) sink.End(target + channel, &sum, 1);
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_BIAS_H_
