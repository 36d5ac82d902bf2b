// CAST between floats and 32-bit integers: no error passes.
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::cast;
using namespace forward;

TFLM_TRAIN_COLD bool IsNumber(const StepView& step, uint32_t argument) {
  return IsFloat(step, argument) || IsValue(step, argument, ScalarType::kInt32);
}
bool IsInteger(const ValueRecord& value) { return static_cast<ScalarType>(value.type) == ScalarType::kInt32; }

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  return PlanStatus(step.size() == kCount && step.word_count() == 0 && IsNumber(step, kX) && IsNumber(step, kY) &&
                    IsInArena(step.value(kY)) && SameElements(step.value(kX), step.value(kY)));
}

/// Towards zero; what no integer holds becomes the nearest one, NaN 0.
int32_t ToInteger(float value) {
  if (value >= 2147483648.0f) return INT32_MAX;
  if (value < -2147483648.0f) return INT32_MIN;
  return value == value ? static_cast<int32_t>(value) : 0;
}

void Forward(const StepView& step, WorkCounters&) {
  const bool from_integer = IsInteger(step.value(kX)), to_integer = IsInteger(step.value(kY));
  const uint32_t n = Elements(step.value(kX));
  const auto* floats = step.data<float>(kX);
  const auto* integers = step.data<int32_t>(kX);
  for (uint32_t i = 0; i < n; ++i) {
    if (to_integer) {
      step.data<int32_t>(kY)[i] = from_integer ? integers[i] : ToInteger(floats[i]);
    } else {
      step.data<float>(kY)[i] = from_integer ? static_cast<float>(integers[i]) : floats[i];
    }
  }
}

}  // namespace

const OperatorOf<KernelId::kCast> kCast = {kArguments, Check, Forward, nullptr};
const OperatorOf<KernelId::kCast> kCastForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
