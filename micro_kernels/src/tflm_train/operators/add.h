#ifndef TFLM_TRAIN_OPERATORS_ADD_H_
#define TFLM_TRAIN_OPERATORS_ADD_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// ADD; the second runs forward only and links no backward code.
extern const Operator kAdd;
extern const Operator kAddForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_ADD_H_
