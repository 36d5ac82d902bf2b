// Losses of one sample and their errors. A firmware links those that its OperatorSet names.
#ifndef TFLM_TRAIN_POLICIES_LOSSES_H_
#define TFLM_TRAIN_POLICIES_LOSSES_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"
#include "tflm_train/plan/subject.h"
#include "tflm_train/policies/label.h"
#include "tflm_train/policies/step_result.h"

namespace tflm_train {

/// One sample at the end of its forward pass.
struct LossSample {
  const Label& label;
  const float* output;  // of the model: what the loss reads
  uint32_t outputs;
  float* error;      // [outputs], may be the memory of `output`; null: not wanted
  float scale;       // factor of the fused softmax cross entropy's error
  LossId loss;       // the plan's
  uint32_t classes;  // outputs of one row, a divisor of `outputs`
};

/// A loss function. Objects are constants with static storage, like Operators.
struct Loss {
  uint32_t ids;  // one bit for each LossId of a plan that it can compute
  /// The loss (see LossId in plan_format.h) as a mean over rows or outputs, what of the output is correct, and the
  /// error. A class is a one-hot row; in rows of one output it is the target itself, except for softmax cross entropy.
  /// A softmax target that does not sum to 1 weighs as much as its sum. What is refused:
  ///   kInvalidLabel  kLabel: one class for several rows; a class outside [0, classes), or in rows of one output
  ///   outside
  ///                  {0, 1} for binary cross entropy (the mean squared error takes any number there); a cross
  ///                  entropy's target outside [0, 1]
  ///   kNonFinite     NaN or infinity in kLabel (a vector), kOutput, kLoss or kOutputError
  Finding (*run)(const LossSample& sample, StepResult* result);

  bool Computes(LossId id) const { return (ids >> static_cast<uint32_t>(id) & 1u) != 0; }
};

inline constexpr uint32_t Bit(LossId id) { return 1u << static_cast<uint32_t>(id); }

extern const Loss kSoftmaxCrossEntropyLoss;
extern const Loss kSoftmaxCrossEntropyFromLogitsLoss;
extern const Loss kBinaryCrossEntropyLoss;
extern const Loss kBinaryCrossEntropyFromLogitsLoss;
extern const Loss kMeanSquaredErrorLoss;
/// The label chooses: cross entropy from logits for a class, mean squared error for a vector and for the number of a
/// single output.
extern const Loss kAutoLinearLoss;
/// Whichever of them the plan names.
extern const Loss kAnyLoss;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_LOSSES_H_
