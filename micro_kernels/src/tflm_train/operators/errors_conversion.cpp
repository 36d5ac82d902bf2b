// Where errors change their type: ERRORS_TO_INT16, ERRORS_TO_FLOAT32, and COPY_INT16_ERRORS, which adds one to another.
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/int16_check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

namespace to_int16 = arguments::errors_to_int16;
namespace to_float32 = arguments::errors_to_float32;
namespace copy = arguments::copy_int16_errors;

TFLM_TRAIN_COLD Status CheckWith(const StepView& step, const Expected* expected, uint32_t count) {
  return PlanStatus(step.phase() == Phase::kBackward && step.word_count() == 0 && ArgumentsAre(step, expected, count) &&
                    SameElements(step.value(copy::backward::kDy), step.value(copy::backward::kDx)));
}

TFLM_TRAIN_COLD Status CheckToInt16(const StepView& step) {
  constexpr Expected kExpected[] = {kErrorOutput, kInt16Error, kExponentOutput};
  return CheckWith(step, kExpected, to_int16::backward::kCount);
}

TFLM_TRAIN_COLD Status CheckToFloat32(const StepView& step) {
  constexpr Expected kExpected[] = {kInt16Error, kErrorOutput, kExponent};
  return CheckWith(step, kExpected, to_float32::backward::kCount);
}

TFLM_TRAIN_COLD Status CheckCopy(const StepView& step) {
  constexpr Expected kExpected[] = {kInt16Error, kInt16Error, kExponent, kExponentOutput};
  return CheckWith(step, kExpected, copy::backward::kCount);
}

void AddAll(const ErrorSum& sum, const MaskedErrors& errors) {
  for (uint32_t i = 0; i < errors.elements; ++i) sum.Add(i, errors.values[i]);
}

/// In front of errors that are added to others the floats become integers where they lie.
void BackwardToInt16(const StepView& step, const BackwardContext&) {
  using namespace to_int16::backward;
  const uint32_t elements = Elements(step.value(kDy));
  if (!step.accumulates(0)) {
    *step.data<int32_t>(kDxe) = ErrorsFromFloats(step.data<float>(kDy), elements, step.data<int16_t>(kDx));
    return;
  }
  auto* const errors = reinterpret_cast<int16_t*>(step.data<float>(kDy));
  const int32_t exponent = ErrorsFromFloats(step.data<float>(kDy), elements, errors);
  const MaskedErrors converted = {errors, elements, Magnitudes(errors, elements), exponent};
  AddAll(SumInto(step, kDx, kDxe, 0, converted, 1), converted);
}

void BackwardToFloat32(const StepView& step, const BackwardContext&) {
  using namespace to_float32::backward;
  FloatsFromErrors(step.data<int16_t>(kDy), *step.data<int32_t>(kDye), Elements(step.value(kDy)), step.accumulates(0),
                   step.data<float>(kDx));
}

void BackwardCopy(const StepView& step, const BackwardContext&) {
  using namespace copy::backward;
  const auto* const dy = step.data<int16_t>(kDy);
  const uint32_t elements = Elements(step.value(kDy));
  const MaskedErrors errors = {dy, elements, Magnitudes(dy, elements), BoundedExponent(*step.data<int32_t>(kDye))};
  AddAll(SumInto(step, kDx, kDxe, 0, errors, 1), errors);
}

}  // namespace

const OperatorOf<KernelId::kErrorsToInt16> kErrorsToInt16 = {to_int16::kArguments, CheckToInt16, nullptr,
                                                             BackwardToInt16};
const OperatorOf<KernelId::kErrorsToInt16> kErrorsToInt16Forward = {to_int16::kArguments, CheckToInt16, nullptr,
                                                                    nullptr};
const OperatorOf<KernelId::kErrorsToFloat32> kErrorsToFloat32 = {to_float32::kArguments, CheckToFloat32, nullptr,
                                                                 BackwardToFloat32};
const OperatorOf<KernelId::kErrorsToFloat32> kErrorsToFloat32Forward = {to_float32::kArguments, CheckToFloat32, nullptr,
                                                                        nullptr};
const OperatorOf<KernelId::kCopyInt16Errors> kCopyInt16Errors = {copy::kArguments, CheckCopy, nullptr, BackwardCopy};
const OperatorOf<KernelId::kCopyInt16Errors> kCopyInt16ErrorsForward = {copy::kArguments, CheckCopy, nullptr, nullptr};

}  // namespace tflm_train
