// A gate: which samples train.
#ifndef TFLM_TRAIN_POLICIES_GATE_H_
#define TFLM_TRAIN_POLICIES_GATE_H_

#include <cstdint>

#include "tflm_train/policies/loss.h"
#include "tflm_train/policies/policy.h"
#include "tflm_train/policies/step_context.h"

namespace tflm_train {

/// A sample whose loss is known and whose backward pass has not begun.
struct GateSample {
  const TrainingOptions& options;
  float loss;          // without the sample's weight
  const float* error;  // [outputs]: what goes back from the loss, times the sample's weight
  uint32_t outputs;
  void* state;  // [kGateStateBytes], aligned to 4: starts from zeros and is part of the training state
};

/// A gate. Without one every sample trains.
struct Gate : PolicyOf<PolicyKind::kGate, GateId> {
  /// `result`: whether the sample trains is still true.
  using Pass = Finding (*)(const Gate& gate, const LossSample& sample, StepResult* result, const StepContext& context);

  constexpr Gate(GateId gate, bool (*run_gate)(const GateSample&))
      : Gate(gate, run_gate, kGateStateBytes[static_cast<uint32_t>(gate)]) {}
  /// One that is not the library's.
  constexpr Gate(GateId gate, bool (*run_gate)(const GateSample&), uint32_t bytes)
      : PolicyOf(gate, VerifyPlan), run(run_gate), state_bytes(bytes), pass(Ask) {}
  /// Something else that stands between a sample's loss and its backward pass.
  constexpr explicit Gate(Pass other) : PolicyOf(GateId::kAlways), run(nullptr), state_bytes(0), pass(other) {}

  /// Whether the sample trains. If not, its backward pass is left out: it changes no weight, but is one of its group
  /// where samples are accumulated.
  bool (*run)(const GateSample& sample);
  uint32_t state_bytes;
  /// Asks at the end of a forward pass. By a pointer, so that a firmware without a gate does not link it.
  Pass pass;

 private:
  static Finding Ask(const Gate& gate, const LossSample& sample, StepResult* result, const StepContext& context);
  /// The plan has room for its state.
  static Finding VerifyPlan(const Policy& gate, const PlanReader& plan);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_GATE_H_
