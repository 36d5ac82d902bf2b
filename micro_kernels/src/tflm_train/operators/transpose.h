#ifndef TFLM_TRAIN_OPERATORS_TRANSPOSE_H_
#define TFLM_TRAIN_OPERATORS_TRANSPOSE_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// TRANSPOSE; the second runs forward only and links no backward code.
extern const Operator kTranspose;
extern const Operator kTransposeForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_TRANSPOSE_H_
