// An accumulation: what a group of samples makes of its gradients.
#ifndef TFLM_TRAIN_POLICIES_ACCUMULATION_H_
#define TFLM_TRAIN_POLICIES_ACCUMULATION_H_

#include <cstdint>

#include "tflm_train/kernels/work.h"
#include "tflm_train/policies/optimizer.h"
#include "tflm_train/policies/policy.h"
#include "tflm_train/policies/update.h"

namespace tflm_train {

/// Samples whose gradients wait in the parameters' buffers.
struct SampleGroup {
  const PlanReader& plan;
  const TrainingOptions& options;
  const Optimizer* optimizer;  // null: SGD
  const Update* update;        // null: floats train
  uint8_t* persistent;         // part of the arena
  uint32_t samples;
  WorkCounters& work;
};

/// An accumulation. Without one every sample brings its update: a firmware whose plan has no buffers for gradients does
/// not link any.
struct Accumulation : PolicyOf<PolicyKind::kAccumulation, AccumulationId> {
  constexpr Accumulation(AccumulationId accumulation, void (*run_end)(const SampleGroup&))
      : PolicyOf(accumulation), end_group(run_end) {}
  /// The update at the group's end. The gradients start from zero again.
  void (*end_group)(const SampleGroup& group);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_ACCUMULATION_H_
