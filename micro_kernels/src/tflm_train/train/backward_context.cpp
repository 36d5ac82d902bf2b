#include "tflm_train/plan/training_options.h"
#include "tflm_train/train/operator.h"
#include "tflm_train/train/step_phase.h"

namespace tflm_train {

bool BackwardContext::Selects(uint32_t elements, const uint16_t* keys) const {
  return selector != nullptr && layer != nullptr && keys != nullptr && elements <= layer->max_selected &&
         LayerSelects(*sink.options, *layer);
}

Selection BackwardContext::Select(const float* gate, float* delta, uint32_t elements, uint16_t* keys) const {
  auto* const running_maximum = reinterpret_cast<float*>(sink.persistent + layer->state_offset);
  const LayerError error = {*sink.options, *layer,          gate,      delta,          elements,
                            keys,          running_maximum, sink.plan, sink.persistent};
  EnterPhase(StepPhase::kSelection);
  const bool goes_on = selector->run(error);
  Count(work->selection, elements);
  EnterPhase(StepPhase::kBackward);
  return {goes_on ? Selection::Mode::kNonZero : Selection::Mode::kNone};
}

}  // namespace tflm_train
