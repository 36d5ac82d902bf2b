// Counts what training steps cost, phase by phase, where the target can.
#ifndef TFLM_TRAIN_AGENT_STEP_METER_H_
#define TFLM_TRAIN_AGENT_STEP_METER_H_

#include <cstdint>

namespace tflm_train {

/// Sums over steps. The unit is the target's: instructions on an emulated board.
struct StepCost {
  uint64_t forward = 0;
  uint64_t loss = 0;
  uint64_t selection = 0;
  uint64_t backward = 0;
  uint64_t total = 0;
};

class StepMeter {
 public:
  virtual void BeginStep() = 0;
  virtual void EndStep() = 0;
  virtual const StepCost& cost() const = 0;
  virtual void Reset() = 0;

 protected:
  ~StepMeter() = default;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_STEP_METER_H_
