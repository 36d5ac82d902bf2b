#ifndef TFLM_TRAIN_OPERATORS_LOGISTIC_H_
#define TFLM_TRAIN_OPERATORS_LOGISTIC_H_

#include "tflm_train/runtime/operator.h"

namespace tflm_train {

/// LOGISTIC; the second runs forward only and links no backward code.
extern const Operator kLogistic;
extern const Operator kLogisticForward;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_LOGISTIC_H_
