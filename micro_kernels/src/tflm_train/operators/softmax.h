#ifndef TFLM_TRAIN_OPERATORS_SOFTMAX_H_
#define TFLM_TRAIN_OPERATORS_SOFTMAX_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// SOFTMAX; the second runs forward only and links no backward code.
extern const Operator kSoftmax;
extern const Operator kSoftmaxForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_SOFTMAX_H_
