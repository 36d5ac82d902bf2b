#ifndef TFLM_TRAIN_OPERATORS_RELU_N1_TO_1_H_
#define TFLM_TRAIN_OPERATORS_RELU_N1_TO_1_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// RELU_N1_TO_1; the second runs forward only and links no backward code.
extern const Operator kReluN1To1;
extern const Operator kReluN1To1Forward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_RELU_N1_TO_1_H_
