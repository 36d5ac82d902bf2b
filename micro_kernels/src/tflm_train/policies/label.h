// The target of one sample.
#ifndef TFLM_TRAIN_POLICIES_LABEL_H_
#define TFLM_TRAIN_POLICIES_LABEL_H_

#include <cstdint>

#include "tflm_train/plan/subject.h"

namespace tflm_train {

struct LossSample;
struct StepResult;

/// Softmax cross entropy of probabilities towards a vector: see Loss::run.
Finding SoftmaxCrossEntropyOfVector(const LossSample& sample, StepResult* result);

/// A class number, a class number for each row of an output with several (positions of a map, steps of a series), or a
/// vector of the output's size. Refers to the caller's numbers.
struct Label {
  static Label Class(int32_t index) { return {index, nullptr, nullptr, nullptr}; }
  static Label Classes(const int32_t* indices) { return {-1, nullptr, indices, nullptr}; }
  static Label Vector(const float* values) { return {-1, values, nullptr, SoftmaxCrossEntropyOfVector}; }
  int32_t index;
  const float* values;
  const int32_t* classes;
  // Null without a vector. A pointer, so that firmware that gives class numbers only does not link the way to it.
  Finding (*softmax_cross_entropy)(const LossSample&, StepResult*);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_LABEL_H_
