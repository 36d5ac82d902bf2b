#ifndef TFLM_TRAIN_OPERATORS_LEAKY_RELU_H_
#define TFLM_TRAIN_OPERATORS_LEAKY_RELU_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// LEAKY_RELU; the second runs forward only and links no backward code.
extern const Operator kLeakyRelu;
extern const Operator kLeakyReluForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_LEAKY_RELU_H_
