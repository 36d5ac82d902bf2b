#ifndef TFLM_TRAIN_OPERATORS_CONCATENATION_H_
#define TFLM_TRAIN_OPERATORS_CONCATENATION_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// CONCATENATION; the second runs forward only and links no backward code.
extern const Operator kConcatenation;
extern const Operator kConcatenationForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_CONCATENATION_H_
