// Selection among errors of integers: linked only by firmware that has them.
#include "tflm_train/train/operator.h"
#include "tflm_train/train/step_phase.h"

namespace tflm_train {

bool BackwardContext::SelectsIntegers(uint32_t elements, const uint16_t* keys) const {
  return Selects(elements, keys) && selector->run_integers != nullptr;
}

Selection BackwardContext::SelectIntegers(int16_t* delta, int32_t exponent, uint32_t elements, uint16_t* keys) const {
  EnterPhase(StepPhase::kSelection);
  auto* const running_maximum = reinterpret_cast<float*>(sink.persistent + layer->state_offset);
  const bool goes_on =
      selector->run_integers({*sink.options, *layer, delta, exponent, elements, keys, running_maximum});
  Count(work->selection, elements);
  EnterPhase(StepPhase::kBackward);
  return {goes_on ? Selection::Mode::kNonZero : Selection::Mode::kNone};
}

}  // namespace tflm_train
