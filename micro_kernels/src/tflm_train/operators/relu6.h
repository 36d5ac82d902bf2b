#ifndef TFLM_TRAIN_OPERATORS_RELU6_H_
#define TFLM_TRAIN_OPERATORS_RELU6_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// RELU6; the second runs forward only and links no backward code.
extern const Operator kRelu6;
extern const Operator kRelu6Forward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_RELU6_H_
