// What operators verify whose errors are 16-bit integers.
#ifndef TFLM_TRAIN_OPERATORS_INT16_CHECK_H_
#define TFLM_TRAIN_OPERATORS_INT16_CHECK_H_

#include "tflm_train/kernels/s8/int16_errors.h"
#include "tflm_train/operators/int8_check.h"

namespace tflm_train {

/// Types of errors and of their exponents.
inline constexpr Expected kInt16Error = {ScalarType::kInt16, false, true},
                          kInt16ErrorIfAny = {ScalarType::kInt16, true, true}, kExponent = {ScalarType::kInt32},
                          kExponentOutput = {ScalarType::kInt32, false, true},
                          kExponentOutputIfAny = {ScalarType::kInt32, true, true};

/// Errors of a step's argument and what is known of them.
struct MaskedErrors {
  const int16_t* values;
  uint32_t elements, magnitudes;
  int32_t exponent;
};

/// Clears the errors `dy` of outputs `y` that were clamped to words `low` and `low` + 1; `dye`: their exponent.
MaskedErrors MaskInt16(const StepView& step, uint32_t low, uint32_t y, uint32_t dy, uint32_t dye);

/// The error `dx`, number `output` of those that the step writes, to which errors are added, no more than `terms` to an
/// element; `dxe`: its exponent.
ErrorSum SumInto(const StepView& step, uint32_t dx, uint32_t dxe, uint32_t output, const MaskedErrors& errors,
                 uint32_t terms);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_INT16_CHECK_H_
