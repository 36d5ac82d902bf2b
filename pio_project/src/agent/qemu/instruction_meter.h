// Instructions of training steps by phase, exact: see instruction_counter.h.
#ifndef TFLM_TRAIN_AGENT_QEMU_INSTRUCTION_METER_H_
#define TFLM_TRAIN_AGENT_QEMU_INSTRUCTION_METER_H_

#include <instruction_counter.h>

#include "tflm_train/agent/step_meter.h"
#include "tflm_train/train/step_phase.h"

namespace tflm_train {

/// The trainer tells of its phases through EnterPhase(); there is one meter in a program.
class InstructionMeter final : public StepMeter {
 public:
  void BeginStep() override;
  void EndStep() override;
  const StepCost& cost() const override { return cost_; }
  void Reset() override { cost_ = {}; }

  /// Counts what was executed since the last call towards the phase that ends.
  void Enter(StepPhase phase);

 private:
  uint64_t& CostOf(StepPhase phase);

  StepCost cost_;
  StepPhase phase_ = StepPhase::kForward;
  instruction_counter::Stamp since_ = {};
  uint64_t overhead_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_QEMU_INSTRUCTION_METER_H_
