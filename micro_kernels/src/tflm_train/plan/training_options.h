// What may be changed between steps: TrainingOptions in plan_format.h. They start as the plan's defaults.
#ifndef TFLM_TRAIN_PLAN_TRAINING_OPTIONS_H_
#define TFLM_TRAIN_PLAN_TRAINING_OPTIONS_H_

#include <cstdint>

#include "tflm_train/base/cold.h"
#include "tflm_train/plan/plan_format.h"
#include "tflm_train/status.h"

namespace tflm_train {

class PlanReader;

/// Whether the options have a selector choose in this layer: in the output layer only if told.
inline bool LayerSelects(const TrainingOptions& options, const LayerRecord& layer) {
  const uint32_t always_dense = options.output_sparse != 0 ? kLayerDense : kLayerDense | kLayerOutput;
  return options.selector != SelectorId::kDense && (layer.flags & always_dense) == 0;
}

TFLM_TRAIN_COLD bool IsPositiveFinite(float value);
/// 0, or positive and finite.
TFLM_TRAIN_COLD bool IsSampleWeight(float value);
/// kInvalidArgument: a number outside its range (kOptionRanges). kSelectorNeedsPlan: the plan reserved no room for the
/// selection in a layer that would select, or no gradient buffers.
TFLM_TRAIN_COLD Status CheckOptions(const PlanReader& plan, const TrainingOptions& options);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_TRAINING_OPTIONS_H_
