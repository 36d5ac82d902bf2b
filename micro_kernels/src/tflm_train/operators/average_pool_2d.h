#ifndef TFLM_TRAIN_OPERATORS_AVERAGE_POOL_2D_H_
#define TFLM_TRAIN_OPERATORS_AVERAGE_POOL_2D_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// AVERAGE_POOL_2D; the second runs forward only and links no backward code.
extern const Operator kAveragePool2d;
extern const Operator kAveragePool2dForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_AVERAGE_POOL_2D_H_
