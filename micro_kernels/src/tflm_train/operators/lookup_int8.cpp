// Functions of one 8-bit element: LOGISTIC, TANH, RELU and the like, QUANTIZE from one scale to another.
#include "tflm_train/kernels/s8/lookup.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/policies/finite.h"

namespace tflm_train {
namespace {

using namespace arguments::lookup_int8;

// Of the 256 values of an element: their outputs, four in a word, or their slopes.
constexpr uint32_t kOutputWords = 64, kSlopeWords = 256;

TFLM_TRAIN_COLD bool IsByte(const StepView& step, uint32_t argument) {
  return IsValue(step, argument, ScalarType::kInt8) || IsValue(step, argument, ScalarType::kUint8);
}

const float* Slopes(const StepView& step) { return reinterpret_cast<const float*>(step.words()); }

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.phase() != Phase::kBackward) {
    using namespace forward;
    return PlanStatus(step.size() == kCount && step.word_count() == kOutputWords && IsByte(step, kX) &&
                      IsByte(step, kY) && IsInArena(step.value(kY)) && SameElements(step.value(kX), step.value(kY)));
  }
  using namespace backward;
  return PlanStatus(step.size() == kCount && step.word_count() == kSlopeWords && AllFinite(Slopes(step), kSlopeWords) &&
                    IsByte(step, kX) && IsFloat(step, kDy) && IsFloatOutput(step, kDx) &&
                    SameElements(step.value(kX), step.value(kDy)) && SameElements(step.value(kX), step.value(kDx)));
}

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  s8::LookupForward(reinterpret_cast<const uint8_t*>(step.words()), step.data<uint8_t>(kX), Elements(step.value(kX)),
                    step.data<uint8_t>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  s8::LookupBackward<float>(Slopes(step), step.data<uint8_t>(kX), step.data<float>(kDy), Elements(step.value(kX)),
                            step.accumulates(0), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kLookupInt8> kLookupInt8 = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kLookupInt8> kLookupInt8Forward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
