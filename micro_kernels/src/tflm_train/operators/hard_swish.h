#ifndef TFLM_TRAIN_OPERATORS_HARD_SWISH_H_
#define TFLM_TRAIN_OPERATORS_HARD_SWISH_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// HARD_SWISH; the second runs forward only and links no backward code.
extern const Operator kHardSwish;
extern const Operator kHardSwishForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_HARD_SWISH_H_
