// What a step or an evaluation tells about its sample.
#ifndef TFLM_TRAIN_POLICIES_STEP_RESULT_H_
#define TFLM_TRAIN_POLICIES_STEP_RESULT_H_

#include <cstdint>

namespace tflm_train {

/// Accuracy is the sum of `correct` divided by the sum of `decisions`. A decision is the arg-max of a row (first on
/// ties) against the label's; for single numbers, and for binary cross entropy towards a vector, the side of 0.5 (0 for
/// logits) of each element.
struct StepResult {
  float loss;  // before the update
  uint32_t correct;
  uint32_t decisions;
  bool trained;  // of a step: not if the gate or a weight of 0 left its backward pass out
  bool clipped;  // of a step: the error at the output was larger than the option `clip` lets pass
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_STEP_RESULT_H_
