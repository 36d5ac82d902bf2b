#include "tflm_train/policies/loss/check.h"

#include "tflm_train/base/cold.h"

namespace tflm_train {

TFLM_TRAIN_NOINLINE int32_t ArgMax(const float* values, uint32_t count) {
  FiniteCheck finite;
  const float *value = values, *best = values + 1;
  float largest = *values;
  do {
    const float x = *value++;
    finite.Add(x);
    if (!(x > largest)) continue;
    largest = x;
    best = value;
  } while (value != values + count);
  return finite.Passed() ? static_cast<int32_t>(best - values) - 1 : -1;
}

namespace {

TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD bool AreProbabilities(const float* values, uint32_t count) {
  for (const float* value = values; value != values + count; ++value) {
    if (!(*value >= 0.0f && *value <= 1.0f)) return false;
  }
  return true;
}

}  // namespace

TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD Finding CheckSample(const LossSample& sample, uint32_t last, bool probabilities,
                                                        StepResult* result) {
  const Finding invalid = Found(Status::kInvalidLabel, Subject::kLabel);
  if (!CoversRows(sample)) return invalid;
  const uint32_t classes = sample.classes;
  const int32_t* index = ClassesOf(sample.label);
  const float* targets = sample.label.values;
  uint32_t correct = 0, rows = 0;
  for (const float* row = sample.output; row != sample.output + sample.outputs; row += classes, ++rows) {
    int32_t target;
    if (targets != nullptr) {
      target = ArgMax(targets + (row - sample.output), classes);
      if (target < 0) return Found(Status::kNonFinite, Subject::kLabel);
    } else {
      target = *index++;
      if (static_cast<uint32_t>(target) > last) return invalid;
    }
    const int32_t best = ArgMax(row, classes);
    if (best < 0) return Found(Status::kNonFinite, Subject::kOutput);
    correct += best == target;
  }
  if (targets != nullptr && probabilities && !AreProbabilities(targets, sample.outputs)) return invalid;
  result->correct = correct;
  result->decisions = rows;
  return Finding::kNothing;
}

TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD Finding JudgeProbabilities(const LossSample& sample, LossId loss,
                                                               StepResult* result) {
  const uint32_t decisions = result->decisions;
  const bool sigmoid = loss == LossId::kBinaryCrossEntropy || loss == LossId::kBinaryCrossEntropyFromLogits;
  if (!sigmoid || decisions != sample.outputs) return CheckSample(sample, sample.classes - 1, false, result);
  const float* const targets = sample.label.values;
  const int32_t* const index = ClassesOf(sample.label);
  uint32_t correct = 0;
  for (uint32_t i = 0; i < decisions; ++i) {
    const float target = targets != nullptr ? targets[i] : static_cast<float>(index[i]);
    correct += (sample.output[i] > 0.5f) == (target > 0.5f);
  }
  result->correct = correct;
  return Finding::kNothing;
}

TFLM_TRAIN_NOINLINE Finding CheckResult(FiniteCheck error, float loss, StepResult* result) {
  result->loss = loss;
  FiniteCheck finite;
  finite.Add(loss);
  if (!finite.Passed()) return Found(Status::kNonFinite, Subject::kLoss);
  return error.Passed() ? Finding::kNothing : Found(Status::kNonFinite, Subject::kOutputError);
}

}  // namespace tflm_train
