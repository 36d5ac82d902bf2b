#ifndef TFLM_TRAIN_OPERATORS_MUL_H_
#define TFLM_TRAIN_OPERATORS_MUL_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// MUL; the second runs forward only and links no backward code.
extern const Operator kMul;
extern const Operator kMulForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_MUL_H_
