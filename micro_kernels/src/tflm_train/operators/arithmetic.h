// Shapes of ADD, SUB and MUL steps, and the two operators that add.
#ifndef TFLM_TRAIN_OPERATORS_ARITHMETIC_H_
#define TFLM_TRAIN_OPERATORS_ARITHMETIC_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/train/operator.h"

namespace tflm_train {

/// Forward steps (a, b, y) of all three.
TFLM_TRAIN_COLD Status CheckArithmeticForward(const StepView& step);

/// Backward steps (y?, dy, da?, db?) of ADD and SUB.
TFLM_TRAIN_COLD Status CheckAddBackward(const StepView& step);
/// `sign`: of b.
void RunAddBackward(const StepView& step, float sign);

/// The errors of the operands (dy, da?, db?) of a sum, arguments `dy` and behind it: they broadcast to its shape.
TFLM_TRAIN_COLD bool AddErrorsFit(const StepView& step, uint32_t dy);
void PutAddErrors(const StepView& step, uint32_t dy, float sign);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_ARITHMETIC_H_
