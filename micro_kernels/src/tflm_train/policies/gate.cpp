#include "tflm_train/policies/gate.h"

namespace tflm_train {

Finding Gate::Ask(const Gate& gate, const LossSample& sample, StepResult* result, const StepContext& context) {
  uint8_t* const state = context.arena_ + context.plan_.gate_state_offset();
  result->trained = gate.run({context.options_, result->loss, sample.error, sample.outputs, state});
  return Finding::kNothing;
}

Finding Gate::VerifyPlan(const Policy& policy, const PlanReader& plan) {
  // Its state lies behind the layers' states, which have passed and are the last in front of it.
  const uint32_t layers = plan.layer_count();
  const uint32_t front = layers > 0 ? plan.layer(layers - 1).state_offset + sizeof(float) : 0;
  const DefaultsRecord& defaults = plan.defaults();
  if (defaults.gate_state_bytes % sizeof(float) != 0 ||
      defaults.gate_state_bytes > plan.update_state_offset() - front) {
    return Invalid(Subject::kPersistentMemory);
  }
  return static_cast<const Gate&>(policy).state_bytes <= defaults.gate_state_bytes
             ? Finding::kNothing
             : Found(Status::kSelectorNeedsPlan, Subject::kOptions);
}

}  // namespace tflm_train
