// What may be changed between steps: TrainingOptions in plan_format.h. They start as the plan's defaults.
#ifndef TFLM_TRAIN_RUNTIME_TRAINING_OPTIONS_H_
#define TFLM_TRAIN_RUNTIME_TRAINING_OPTIONS_H_

#include <cstdint>

#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/plan_format.h"
#include "tflm_train/status.h"

namespace tflm_train {

class PlanReader;

TFLM_TRAIN_COLD bool IsPositiveFinite(float value);
/// 0, or positive and finite.
TFLM_TRAIN_COLD bool IsSampleWeight(float value);
/// kInvalidArgument: a number outside its range (kOptionRanges). kSelectorNeedsPlan: the plan reserved no room for the
/// selection in a layer that would select, or no gradient buffers.
TFLM_TRAIN_COLD Status CheckOptions(const PlanReader& plan, const TrainingOptions& options);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_TRAINING_OPTIONS_H_
