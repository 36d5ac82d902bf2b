// What losses ask of a label and an output, and of their results.
#ifndef TFLM_TRAIN_POLICIES_LOSS_CHECK_H_
#define TFLM_TRAIN_POLICIES_LOSS_CHECK_H_

#include <cstdint>

#include "tflm_train/policies/finite.h"
#include "tflm_train/policies/loss.h"

namespace tflm_train {

/// Position of the largest value, the first on ties; -1 if one is NaN or infinite. There is at least one.
int32_t ArgMax(const float* values, uint32_t count);

/// Class numbers of a label that is no vector, one for each row.
inline const int32_t* ClassesOf(const Label& label) { return label.classes != nullptr ? label.classes : &label.index; }

/// Whether the label has a target for every row.
inline bool CoversRows(const LossSample& sample) {
  return sample.outputs == sample.classes || sample.label.values != nullptr || sample.label.classes != nullptr;
}

inline float Rows(const LossSample& sample) {
  return static_cast<float>(sample.outputs) / static_cast<float>(sample.classes);
}

/// Checks label and output row by row and counts the rows in which their arg-max is the same. Class numbers go up to
/// `last`; `probabilities`: a vector's elements lie in [0, 1].
Finding CheckSample(const LossSample& sample, uint32_t last, bool probabilities, StepResult* result);

/// Corrects what a cross entropy has found to be correct: it read logits, `sample.output` are the probabilities that
/// the model gives.
Finding JudgeProbabilities(const LossSample& sample, LossId loss, StepResult* result);

/// Takes the loss; it and the error, whose elements `error` has seen, are finite.
Finding CheckResult(FiniteCheck error, float loss, StepResult* result);

/// One element of an error.
inline void Put(float value, float* error, FiniteCheck* finite) {
  finite->Add(value);
  *error = value;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_LOSS_CHECK_H_
