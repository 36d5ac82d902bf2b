// TinyProp (Rueb et al., arXiv 2308.09201): the part of the error that goes on follows its size relative to its running
// maximum. The decay of the maximum is ours: with decay 1 it is the paper's.
#include <cfloat>

#include "tflm_train/runtime/selector.h"
#include "tflm_train/runtime/top_k.h"

namespace tflm_train {

Selection SelectTinyProp(const SelectorConfig& config, uint32_t distance, const float* delta, uint32_t elements,
                         void* list, float* prunable, float& running_maximum) {
  float error;  // Y = sum |delta|
  const uint32_t count = GatherNonZero(delta, elements, list, &error);
  // An overflow below the loss: all elements go on, so that the output tells, and the maximum stays usable.
  if (!(error <= FLT_MAX)) return KeepLargest(delta, elements, list, count, elements, prunable);
  const float decayed = config.decay * running_maximum;
  running_maximum = decayed > error ? decayed : error;
  if (error == 0.0f) return KeepLargest(delta, elements, list, 0, 1);
  // S = (S_min + (S_max - S_min) Y / Ymax) damping^d
  float part = config.s_min + (config.s_max - config.s_min) * (error / running_maximum);
  for (uint32_t i = 0; i < distance && part > 0.0f; ++i) part *= config.damping;
  return KeepLargest(delta, elements, list, count, SelectionSize(part, elements), prunable);
}

}  // namespace tflm_train
