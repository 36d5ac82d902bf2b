// QUANTIZE and DEQUANTIZE between floats and bytes, signed or not.
#include "tflm_train/kernels/s8/quantize.h"

#include "tflm_train/kernels/inner.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/plan/training_options.h"

namespace tflm_train {
namespace {

namespace q = arguments::quantize;
namespace d = arguments::dequantize;

s8::Affine AffineOf(const StepView& step) { return {step.word_f32(q::kScale), step.word(q::kZeroPoint)}; }

TFLM_TRAIN_COLD bool IsBytes(const StepView& step, uint32_t argument) {
  return IsValue(step, argument, ScalarType::kInt8) || IsValue(step, argument, ScalarType::kUint8);
}
bool IsSigned(const StepView& step, uint32_t argument) {
  return static_cast<ScalarType>(step.value(argument).type) == ScalarType::kInt8;
}

TFLM_TRAIN_COLD bool WordsFit(const StepView& step) {
  return step.word_count() == q::kWords && IsPositiveFinite(step.word_f32(q::kScale)) &&
         step.word(q::kZeroPoint) >= -128 && step.word(q::kZeroPoint) <= 255;
}

/// Errors of one shape, and with `y` the integers that they are of.
TFLM_TRAIN_COLD bool ErrorsFit(const StepView& step, uint32_t dy, uint32_t dx) {
  return IsFloat(step, dy) && IsFloatOutput(step, dx) && SameElements(step.value(dy), step.value(dx));
}

TFLM_TRAIN_COLD Status CheckQuantize(const StepView& step) {
  if (!WordsFit(step)) return Status::kPlanInvalid;
  if (step.phase() == Phase::kBackward) {
    using namespace q::backward;
    return PlanStatus(step.size() == kCount && IsBytes(step, kY) && ErrorsFit(step, kDy, kDx) &&
                      SameElements(step.value(kY), step.value(kDx)));
  }
  using namespace q::forward;
  return PlanStatus(step.size() == kCount && IsFloat(step, kX) && IsBytes(step, kY) && IsInArena(step.value(kY)) &&
                    SameElements(step.value(kX), step.value(kY)));
}

void Quantize(const StepView& step, WorkCounters&) {
  using namespace q::forward;
  const auto* x = step.data<float>(kX);
  const uint32_t n = Elements(step.value(kX));
  if (IsSigned(step, kY)) return s8::Quantize(AffineOf(step), x, n, step.data<int8_t>(kY));
  s8::Quantize(AffineOf(step), x, n, step.data<uint8_t>(kY));
}

void QuantizeBackward(const StepView& step, const BackwardContext&) {
  using namespace q::backward;
  const auto* dy = step.data<float>(kDy);
  auto* dx = step.data<float>(kDx);
  const uint32_t n = Elements(step.value(kDy));
  if (IsSigned(step, kY)) return s8::QuantizeBackward(step.data<int8_t>(kY), dy, n, step.accumulates(0), dx);
  s8::QuantizeBackward(step.data<uint8_t>(kY), dy, n, step.accumulates(0), dx);
}

TFLM_TRAIN_COLD Status CheckDequantize(const StepView& step) {
  if (!WordsFit(step)) return Status::kPlanInvalid;
  if (step.phase() == Phase::kBackward) {
    using namespace d::backward;
    return PlanStatus(step.size() == kCount && ErrorsFit(step, kDy, kDx));
  }
  using namespace d::forward;
  return PlanStatus(step.size() == kCount && IsBytes(step, kX) && IsFloatOutput(step, kY) &&
                    SameElements(step.value(kX), step.value(kY)) && IsDisjoint(step, kX));
}

void Dequantize(const StepView& step, WorkCounters&) {
  using namespace d::forward;
  auto* y = step.data<float>(kY);
  const uint32_t n = Elements(step.value(kX));
  if (IsSigned(step, kX)) return s8::Dequantize(AffineOf(step), step.data<int8_t>(kX), n, y);
  s8::Dequantize(AffineOf(step), step.data<uint8_t>(kX), n, y);
}

void DequantizeBackward(const StepView& step, const BackwardContext&) {
  using namespace d::backward;
  const auto* dy = step.data<float>(kDy);
  PutError(step.accumulates(0), step.data<float>(kDx), Elements(step.value(kDy)), [dy](uint32_t i) { return dy[i]; });
}

}  // namespace

const OperatorOf<KernelId::kQuantize> kQuantize = {q::kArguments, CheckQuantize, Quantize, QuantizeBackward};
const OperatorOf<KernelId::kQuantize> kQuantizeForward = {q::kArguments, CheckQuantize, Quantize, nullptr};
const OperatorOf<KernelId::kDequantize> kDequantize = {d::kArguments, CheckDequantize, Dequantize, DequantizeBackward};
const OperatorOf<KernelId::kDequantize> kDequantizeForward = {d::kArguments, CheckDequantize, Dequantize, nullptr};

}  // namespace tflm_train
