#ifndef TFLM_TRAIN_OPERATORS_DEPTHWISE_CONV_2D_H_
#define TFLM_TRAIN_OPERATORS_DEPTHWISE_CONV_2D_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// DEPTHWISE_CONV_2D; the second runs forward only and links no backward code.
extern const Operator kDepthwiseConv2d;
extern const Operator kDepthwiseConv2dForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_DEPTHWISE_CONV_2D_H_
