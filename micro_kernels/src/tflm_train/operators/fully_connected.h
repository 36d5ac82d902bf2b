#ifndef TFLM_TRAIN_OPERATORS_FULLY_CONNECTED_H_
#define TFLM_TRAIN_OPERATORS_FULLY_CONNECTED_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// FULLY_CONNECTED; the second runs forward only and links no backward code.
extern const Operator kFullyConnected;
extern const Operator kFullyConnectedForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_FULLY_CONNECTED_H_
