// Shapes of steps that reduce adjacent dimensions: MEAN, REDUCE_MAX. Words: outer, reduced, inner.
#ifndef TFLM_TRAIN_OPERATORS_REDUCTION_H_
#define TFLM_TRAIN_OPERATORS_REDUCTION_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/mean.h"
#include "tflm_train/plan/step_view.h"

namespace tflm_train {

MeanShape ReadReduction(const StepView& step);
/// The first three words are the shape of `x`, reduced to `y`.
TFLM_TRAIN_COLD bool ReductionFits(const StepView& step, const ValueRecord& x, const ValueRecord& y);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_REDUCTION_H_
