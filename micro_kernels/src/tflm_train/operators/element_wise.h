// Activation operators: forward (x, y), backward (saved, dy, dx), where saved is y, or x for HARD_SWISH.
#ifndef TFLM_TRAIN_OPERATORS_ELEMENT_WISE_H_
#define TFLM_TRAIN_OPERATORS_ELEMENT_WISE_H_

#include "tflm_train/operators/check.h"
#include "tflm_train/train/operator.h"

namespace tflm_train {

/// Arguments of an element-wise step with `words` constants; in and out of one number of elements.
TFLM_TRAIN_COLD Status CheckElementWise(const StepView& step, uint32_t words);

/// `Function` has kWords, Forward(step, x, n, y) and Backward(step, saved, dy, n, accumulate, dx).
template <class Function>
struct ElementWiseOperator {
  static Status Check(const StepView& step) { return CheckElementWise(step, Function::kWords); }
  static void Forward(const StepView& step, WorkCounters&) {
    Function::Forward(step, step.data<float>(0), Elements(step.value(0)), step.data<float>(1));
  }
  static void Backward(const StepView& step, const BackwardContext&) {
    Function::Backward(step, step.data<float>(0), step.data<float>(1), Elements(step.value(0)), step.accumulates(0),
                       step.data<float>(2));
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_ELEMENT_WISE_H_
