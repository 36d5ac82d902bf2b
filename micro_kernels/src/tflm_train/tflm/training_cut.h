// Training from a stored activation: which tensor the operators in front hand over to those behind.
#ifndef TFLM_TRAIN_TFLM_TRAINING_CUT_H_
#define TFLM_TRAIN_TFLM_TRAINING_CUT_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"

namespace tflm_train {

/// The first forward step of a program that runs `first_operator` or a later one; the number of forward steps if none
/// does.
inline uint32_t FirstStepFrom(const StepRecord* steps, uint32_t forward_count, const uint16_t* indices,
                              uint16_t first_operator) {
  for (uint32_t i = 0; i < forward_count; ++i) {
    const StepRecord& step = steps[i];
    if (static_cast<Phase>(step.phase) == Phase::kForward && step.operator_count > 0 &&
        indices[step.operator_begin] >= first_operator) {
      return i;
    }
  }
  return forward_count;
}

/// The only value that is made before forward step `first_step` and used from there on, in either direction; null if
/// there is none or more than one.
inline const ValueRecord* FindCutValue(const ValueRecord* values, uint32_t value_count, uint32_t first_step) {
  const ValueRecord* cut = nullptr;
  for (uint32_t i = 0; i < value_count; ++i) {
    const ValueRecord& value = values[i];
    const bool owns_memory = static_cast<Place>(value.place) == Place::kArena && value.alias == kNoneIndex;
    if (!owns_memory || value.first_step >= first_step || value.last_step < first_step) continue;
    if (cut != nullptr) return nullptr;
    cut = &value;
  }
  return cut;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TFLM_TRAINING_CUT_H_
