#ifndef TFLM_TRAIN_OPERATORS_MEAN_H_
#define TFLM_TRAIN_OPERATORS_MEAN_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// MEAN; the second runs forward only and links no backward code.
extern const Operator kMean;
extern const Operator kMeanForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_MEAN_H_
