// What stands where in a step that aligns channels: the operator checks it, the class Alignment reads it.
#ifndef TFLM_TRAIN_TRAIN_ALIGN_STEP_H_
#define TFLM_TRAIN_TRAIN_ALIGN_STEP_H_

#include <cstdint>

namespace tflm_train::align_step {

/// Argument: the layer's output, changed in place. Words: its activation, then the mean of each channel and the
/// deviation of each. The operator asserts that these are the plan's.
constexpr uint32_t kY = 0, kActivation = 0, kStatistics = 1;

}  // namespace tflm_train::align_step

#endif  // TFLM_TRAIN_TRAIN_ALIGN_STEP_H_
