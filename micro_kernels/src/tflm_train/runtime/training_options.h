// What may be changed between steps.
#ifndef TFLM_TRAIN_RUNTIME_TRAINING_OPTIONS_H_
#define TFLM_TRAIN_RUNTIME_TRAINING_OPTIONS_H_

#include <cstdint>

#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/plan_format.h"
#include "tflm_train/runtime/selector.h"
#include "tflm_train/status.h"

namespace tflm_train {

class PlanReader;

/// Starts from the plan's defaults.
struct TrainingOptions {
  float learning_rate;
  SelectorConfig selector;
  bool zero_skip;
  uint32_t accumulate;  // samples per update; > 1 only if the plan reserves gradient buffers
};

inline constexpr uint32_t kMaxAccumulate = 65535;

TFLM_TRAIN_COLD bool IsPositiveFinite(float value);
/// The options that a plan starts with.
TFLM_TRAIN_COLD TrainingOptions OptionsOf(const DefaultsRecord& defaults);
/// kInvalidArgument: a number outside its range. kSelectorNeedsPlan: the plan reserved no room for the selection in a
/// layer that would select, or no gradient buffers.
TFLM_TRAIN_COLD Status CheckOptions(const PlanReader& plan, const TrainingOptions& options);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_TRAINING_OPTIONS_H_
