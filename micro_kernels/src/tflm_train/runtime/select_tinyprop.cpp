// TinyProp (Rueb et al., arXiv 2308.09201): the part of the error that goes on follows its size relative to its running
// maximum. The decay of the maximum is ours: with decay 1 it is the paper's.
#include <cfloat>

#include "tflm_train/runtime/selector.h"
#include "tflm_train/runtime/top_k.h"

namespace tflm_train {

uint32_t SelectTinyProp(const SelectorConfig& config, uint32_t distance, float error, uint32_t elements,
                        float& running_maximum) {
  // An overflow below the loss: all elements go on, so that the output tells, and the maximum stays usable.
  if (!(error <= FLT_MAX)) return elements;
  const float decayed = config.decay * running_maximum;
  running_maximum = decayed > error ? decayed : error;
  if (error == 0.0f) return 0;
  // S = (S_min + (S_max - S_min) Y / Ymax) damping^d
  float part = config.s_min + (config.s_max - config.s_min) * (error / running_maximum);
  for (uint32_t i = 0; i < distance && part > 0.0f; ++i) part *= config.damping;
  return SelectionSize(part, elements);
}

}  // namespace tflm_train
