// Which elements of a layer's error go on: dense, static top-k, TinyProp.
#ifndef TFLM_TRAIN_RUNTIME_SELECTOR_H_
#define TFLM_TRAIN_RUNTIME_SELECTOR_H_

#include <cstdint>

#include "tflm_train/kernels/types.h"
#include "tflm_train/runtime/plan_format.h"

namespace tflm_train {

/// Policy and its constants; the names are those of the plan's defaults.
struct SelectorConfig {
  SelectorId id = SelectorId::kDense;
  bool output_sparse = false;                                       // select in the output layer too
  float ratio = 1.0f;                                               // static top-k: k = clamp(floor(ratio N), 1, N)
  float s_min = 0.1f, s_max = 0.9f, damping = 0.9f, decay = 0.99f;  // TinyProp

  /// Every constant in its range: 0 < ratio, damping, decay <= 1 and 0 <= s_min <= s_max <= 1.
  bool Valid() const;
  /// This policy chooses among the layer's elements (else all of them go on).
  bool Selects(const LayerRecord& layer) const {
    return id != SelectorId::kDense && (output_sparse || (layer.flags & kLayerOutput) == 0);
  }
};

/// Number of the largest magnitudes that go on: a fixed part.
uint32_t SelectStaticTopK(const SelectorConfig& config, uint32_t elements);
/// The same, following the layer's `error`, the sum of its magnitudes (TinyProp, arXiv 2308.09201); 0: the layer is
/// skipped. `distance`: trainable operators between the layer and the loss. Updates `running_maximum`.
uint32_t SelectTinyProp(const SelectorConfig& config, uint32_t distance, float error, uint32_t elements,
                        float& running_maximum);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_SELECTOR_H_
