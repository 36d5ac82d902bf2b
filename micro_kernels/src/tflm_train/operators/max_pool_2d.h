#ifndef TFLM_TRAIN_OPERATORS_MAX_POOL_2D_H_
#define TFLM_TRAIN_OPERATORS_MAX_POOL_2D_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// MAX_POOL_2D; the second runs forward only and links no backward code.
extern const Operator kMaxPool2d;
extern const Operator kMaxPool2dForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_MAX_POOL_2D_H_
