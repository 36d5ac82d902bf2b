// Losses that are a mean over outputs.
#ifndef TFLM_TRAIN_POLICIES_LOSS_MEAN_H_
#define TFLM_TRAIN_POLICIES_LOSS_MEAN_H_

#include "tflm_train/policies/loss/check.h"

namespace tflm_train {

/// One output's part of a loss that is a mean over outputs, at x with target t, and its derivative.
struct Part {
  float loss, derivative;
};
using PartFunction = Part (*)(float x, float t);

/// A loss that is a mean over outputs.
struct MeanLoss {
  uint32_t last;       // of the numbers that rows of one output have as labels
  bool probabilities;  // a vector's elements lie in [0, 1]
  float middle;        // of an output, between wrong and right
  PartFunction part;
};

Finding RunMean(const LossSample& sample, const MeanLoss& loss, StepResult* result);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_LOSS_MEAN_H_
