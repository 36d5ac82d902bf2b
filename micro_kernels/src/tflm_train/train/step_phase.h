// Tells a firmware which part of a training step begins, so that it can measure each. Compiled out by default.
#ifndef TFLM_TRAIN_TRAIN_STEP_PHASE_H_
#define TFLM_TRAIN_TRAIN_STEP_PHASE_H_

#include <cstdint>

#ifndef TFLM_TRAIN_STEP_PHASES
#define TFLM_TRAIN_STEP_PHASES 0
#endif

namespace tflm_train {

enum class StepPhase : uint8_t { kForward, kLoss, kSelection, kBackward };

#if TFLM_TRAIN_STEP_PHASES
/// Defined by the firmware. A step begins in kForward.
void EnterPhase(StepPhase phase);
#else
inline void EnterPhase(StepPhase) {}
#endif

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_STEP_PHASE_H_
