// A gate: which samples train.
#ifndef TFLM_TRAIN_POLICIES_GATE_H_
#define TFLM_TRAIN_POLICIES_GATE_H_

#include <cstdint>

#include "tflm_train/policies/label.h"
#include "tflm_train/policies/policy.h"

namespace tflm_train {

/// A sample whose loss is known and whose backward pass has not begun.
struct GateSample {
  const TrainingOptions& options;
  const Label& label;
  float loss;           // without the sample's weight
  const float* output;  // [outputs]: what the loss has read
  uint32_t outputs;
  uint32_t classes;  // outputs of one row, a divisor of `outputs`
  void* state;       // [kGateStateBytes], aligned to 4: starts from zeros and is part of the training state
};

/// A gate. Without one every sample trains.
struct Gate : PolicyOf<PolicyKind::kGate, GateId> {
  constexpr Gate(GateId gate, bool (*run_gate)(const GateSample&)) : PolicyOf(gate), run(run_gate) {}
  /// Whether the sample trains. If not, its backward pass is left out: it changes no weight, but is one of its group
  /// where samples are accumulated.
  bool (*run)(const GateSample& sample);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_GATE_H_
