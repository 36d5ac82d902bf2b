// A loss: what a sample costs, and the error that goes back from it.
#ifndef TFLM_TRAIN_POLICIES_LOSS_H_
#define TFLM_TRAIN_POLICIES_LOSS_H_

#include <cstdint>

#include "tflm_train/plan/subject.h"
#include "tflm_train/policies/label.h"
#include "tflm_train/policies/policy.h"
#include "tflm_train/policies/step_result.h"

namespace tflm_train {

/// One sample at the end of its forward pass.
struct LossSample {
  const Label& label;
  const float* output;  // what the loss reads
  uint32_t outputs;
  float* error;      // [outputs], may be the memory of `output`; null: not wanted
  float scale;       // factor of the fused softmax cross entropy's error
  uint32_t classes;  // outputs of one row, a divisor of `outputs`
};

/// A loss function.
struct Loss : PolicyOf<PolicyKind::kLoss, LossId> {
  constexpr Loss(LossId loss, Finding (*run_loss)(const LossSample&, StepResult*)) : PolicyOf(loss), run(run_loss) {}
  /// The loss (see Loss in converters/policies.py) as a mean over rows or outputs, what of the output is correct, and
  /// the error. A class is a one-hot row; in rows of one output it is the target itself, except for softmax cross
  /// entropy. A softmax target that does not sum to 1 weighs as much as its sum. What is refused:
  ///   kInvalidLabel  kLabel: one class for several rows; a class outside [0, classes), or in rows of one output
  ///                  outside {0, 1} for binary cross entropy (the mean squared error takes any number there); a cross
  ///                  entropy's target outside [0, 1]
  ///   kNonFinite     NaN or infinity in kLabel (a vector), kOutput, kLoss or kOutputError
  Finding (*run)(const LossSample& sample, StepResult* result);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_LOSS_H_
