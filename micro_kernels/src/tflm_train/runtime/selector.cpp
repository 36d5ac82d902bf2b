#include "tflm_train/runtime/selector.h"

#include "tflm_train/runtime/operator.h"
#include "tflm_train/runtime/step_phase.h"

namespace tflm_train {

bool SelectorConfig::Valid() const {
  const auto part = [](float value) { return value > 0.0f && value <= 1.0f; };
  return id <= SelectorId::kTinyprop && part(ratio) && part(damping) && part(decay) && s_min >= 0.0f &&
         s_min <= s_max && s_max <= 1.0f;
}

Selection BackwardContext::Select(const float* delta, uint32_t elements, void* scratch, float* prunable) const {
  // A list needs room for all elements: ties and k are known only after looking at them.
  if (layer == nullptr || selector == nullptr || scratch == nullptr || elements > layer->max_selected ||
      !selector->Selects(*layer)) {
    return SelectDense(elements, zero_skip);
  }
  EnterPhase(StepPhase::kSelection);
  const SelectorConfig& config = *selector;
  const Selection selection =
      config.id == SelectorId::kStaticTopk
          ? SelectStaticTopK(config, delta, elements, scratch, prunable)
          : SelectTinyProp(config, layer->distance, delta, elements, scratch, prunable, *running_maximum);
  Count(work->selection, elements);
  EnterPhase(StepPhase::kBackward);
  return selection;
}

}  // namespace tflm_train
