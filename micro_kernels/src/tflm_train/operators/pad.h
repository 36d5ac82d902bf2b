#ifndef TFLM_TRAIN_OPERATORS_PAD_H_
#define TFLM_TRAIN_OPERATORS_PAD_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// PAD; the second runs forward only and links no backward code.
extern const Operator kPad;
extern const Operator kPadForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_PAD_H_
