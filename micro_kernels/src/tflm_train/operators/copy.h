#ifndef TFLM_TRAIN_OPERATORS_COPY_H_
#define TFLM_TRAIN_OPERATORS_COPY_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// COPY; the second runs forward only and links no backward code.
extern const Operator kCopy;
extern const Operator kCopyForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_COPY_H_
