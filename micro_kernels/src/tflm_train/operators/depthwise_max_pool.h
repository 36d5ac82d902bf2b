#ifndef TFLM_TRAIN_OPERATORS_DEPTHWISE_MAX_POOL_H_
#define TFLM_TRAIN_OPERATORS_DEPTHWISE_MAX_POOL_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// DEPTHWISE_MAX_POOL; the second runs forward only and links no backward code.
extern const Operator kDepthwiseMaxPool;
extern const Operator kDepthwiseMaxPoolForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_DEPTHWISE_MAX_POOL_H_
