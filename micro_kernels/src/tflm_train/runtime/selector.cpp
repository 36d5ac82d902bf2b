#include "tflm_train/runtime/selector.h"

#include "tflm_train/runtime/operator.h"
#include "tflm_train/runtime/step_phase.h"
#include "tflm_train/runtime/top_k.h"

namespace tflm_train {

bool SelectorConfig::Valid() const {
  const auto part = [](float value) { return value > 0.0f && value <= 1.0f; };
  return id <= SelectorId::kTinyprop && part(ratio) && part(damping) && part(decay) && s_min >= 0.0f &&
         s_min <= s_max && s_max <= 1.0f;
}

bool BackwardContext::Selects(uint32_t elements, const uint16_t* keys) const {
  return layer != nullptr && selector != nullptr && keys != nullptr && elements <= layer->max_selected &&
         selector->Selects(*layer);
}

Selection BackwardContext::Select(const float* gate, float* delta, uint32_t elements, uint16_t* keys) const {
  EnterPhase(StepPhase::kSelection);
  const Candidates candidates = GatherKeys(gate, delta, elements, keys);
  const uint32_t k = selector->id == SelectorId::kStaticTopk
                         ? SelectStaticTopK(*selector, elements)
                         : SelectTinyProp(*selector, layer->distance, candidates.sum, elements, *running_maximum);
  if (k != 0 && k < candidates.count) KeepLargest(delta, elements, keys, candidates.count, k);
  Count(work->selection, elements);
  EnterPhase(StepPhase::kBackward);
  return {k == 0 || candidates.count == 0 ? Selection::Mode::kNone : Selection::Mode::kNonZero};
}

}  // namespace tflm_train
