// What int8 operators verify about their arguments and constants of quantisation.
#ifndef TFLM_TRAIN_OPERATORS_INT8_CHECK_H_
#define TFLM_TRAIN_OPERATORS_INT8_CHECK_H_

#include "tflm_train/kernels/s8/operands.h"
#include "tflm_train/kernels/s8/requantize.h"
#include "tflm_train/operators/check.h"

namespace tflm_train {

/// Types of forward and backward arguments.
inline constexpr Expected kInt8 = {ScalarType::kInt8}, kInt8IfAny = {ScalarType::kInt8, true},
                          kInt8Output = {ScalarType::kInt8, false, true},
                          kErrorOutput = {ScalarType::kFloat32, false, true},
                          kErrorOutputIfAny = {ScalarType::kFloat32, true, true};

/// A word that is an int8 bound or zero point.
inline bool IsInt8(int32_t word) { return word >= -128 && word <= 127; }
/// Words [first, end) are such.
TFLM_TRAIN_COLD bool AreInt8(const StepView& step, uint32_t first, uint32_t end);
/// The lowest and the highest output, one behind the other.
TFLM_TRAIN_COLD bool RangeFits(const StepView& step, uint32_t word);
/// Words [first, end) are pairs of multiplier and shift.
TFLM_TRAIN_COLD bool FactorsFit(const StepView& step, uint32_t first, uint32_t end);
/// The step has `count` arguments that are what is expected, all of one number of elements.
TFLM_TRAIN_COLD bool ElementWiseFits(const StepView& step, const Expected* expected, uint32_t count);

/// Clears the errors of outputs that were clamped to words `low` and `low` + 1. y and dy: arguments of as many
/// elements.
void MaskClamped(const StepView& step, uint32_t low, uint32_t y, uint32_t dy);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_INT8_CHECK_H_
