// What the programs have in common: passes over the digits.
#ifndef TFLM_TRAIN_DIGITS_TRAINING_H_
#define TFLM_TRAIN_DIGITS_TRAINING_H_

#include "digits.h"
#include "tflm_train/train/trainer.h"

namespace digits {

/// Share of samples that the model gets right, 0 to 1; -1 after an error.
inline float Accuracy(tflm_train::Trainer& trainer, const Set& set) {
  float input[kPixels];
  uint32_t correct = 0;
  for (uint32_t i = 0; i < set.count; ++i) {
    Read(set, i, input);
    tflm_train::StepResult result;
    if (trainer.Evaluate(input, tflm_train::Label::Class(set.labels[i]), &result) != tflm_train::Status::kOk) return -1;
    correct += result.correct;
  }
  return static_cast<float>(correct) / static_cast<float>(set.count);
}

/// Trains once on every sample, in order.
inline tflm_train::Status TrainEpoch(tflm_train::Trainer& trainer, const Set& set) {
  float input[kPixels];
  for (uint32_t i = 0; i < set.count; ++i) {
    Read(set, i, input);
    const tflm_train::Status status = trainer.Step(input, tflm_train::Label::Class(set.labels[i]));
    if (status != tflm_train::Status::kOk) return status;
  }
  return tflm_train::Status::kOk;
}

}  // namespace digits

#endif  // TFLM_TRAIN_DIGITS_TRAINING_H_
