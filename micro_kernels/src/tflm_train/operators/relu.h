#ifndef TFLM_TRAIN_OPERATORS_RELU_H_
#define TFLM_TRAIN_OPERATORS_RELU_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// RELU; the second runs forward only and links no backward code.
extern const Operator kRelu;
extern const Operator kReluForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_RELU_H_
