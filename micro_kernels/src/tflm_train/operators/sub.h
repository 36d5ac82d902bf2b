#ifndef TFLM_TRAIN_OPERATORS_SUB_H_
#define TFLM_TRAIN_OPERATORS_SUB_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// SUB; the second runs forward only and links no backward code.
extern const Operator kSub;
extern const Operator kSubForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_SUB_H_
