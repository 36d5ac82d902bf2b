#ifndef TFLM_TRAIN_OPERATORS_TANH_H_
#define TFLM_TRAIN_OPERATORS_TANH_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// TANH; the second runs forward only and links no backward code.
extern const Operator kTanh;
extern const Operator kTanhForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_TANH_H_
