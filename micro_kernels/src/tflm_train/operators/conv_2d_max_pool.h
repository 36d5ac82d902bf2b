#ifndef TFLM_TRAIN_OPERATORS_CONV_2D_MAX_POOL_H_
#define TFLM_TRAIN_OPERATORS_CONV_2D_MAX_POOL_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// CONV_2D_MAX_POOL; the second runs forward only and links no backward code.
extern const Operator kConv2dMaxPool;
extern const Operator kConv2dMaxPoolForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_CONV_2D_MAX_POOL_H_
