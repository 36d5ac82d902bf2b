#ifndef TFLM_TRAIN_OPERATORS_MAX_POOL_ARGMAX_H_
#define TFLM_TRAIN_OPERATORS_MAX_POOL_ARGMAX_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// Saves the winners of a max-pool that another forward pass computed. It has no backward pass; the two are the same.
extern const Operator kMaxPoolArgmax;
extern const Operator kMaxPoolArgmaxForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_MAX_POOL_ARGMAX_H_
