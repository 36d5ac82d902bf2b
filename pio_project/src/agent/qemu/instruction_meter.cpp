#include "instruction_meter.h"

namespace tflm_train {

namespace {

InstructionMeter* active = nullptr;

}  // namespace

void EnterPhase(StepPhase phase) {
  if (active != nullptr) active->Enter(phase);
}

uint64_t& InstructionMeter::CostOf(StepPhase phase) {
  switch (phase) {
    case StepPhase::kLoss:
      return cost_.loss;
    case StepPhase::kSelection:
      return cost_.selection;
    case StepPhase::kBackward:
      return cost_.backward;
    default:
      return cost_.forward;
  }
}

// Between the reading at the end of one call and the reading at the start of the next lie the code of the phase and
// `overhead_`: the rest of one call, the start of the other, the reading itself.
__attribute__((noinline)) void InstructionMeter::Enter(StepPhase phase) {
  const instruction_counter::Stamp now = instruction_counter::Now();
  const uint64_t spent = instruction_counter::Between(since_, now) - overhead_;
  CostOf(phase_) += spent;
  cost_.total += spent;
  phase_ = phase;
  since_ = instruction_counter::Now();
}

void InstructionMeter::BeginStep() {
  active = this;
  if (overhead_ == 0) {
    const StepCost before = cost_;
    instruction_counter::Now();  // starts the timer
    phase_ = StepPhase::kLoss;   // of the first call: what lies before it is not wanted
    EnterPhase(StepPhase::kForward);
    EnterPhase(StepPhase::kForward);
    overhead_ = cost_.forward - before.forward;
    cost_ = before;
  }
  phase_ = StepPhase::kForward;
  since_ = instruction_counter::Now();
}

void InstructionMeter::EndStep() {
  EnterPhase(StepPhase::kForward);
  active = nullptr;
}

}  // namespace tflm_train
