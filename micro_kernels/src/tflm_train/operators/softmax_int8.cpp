#include "tflm_train/kernels/s8/softmax.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/int8_check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/plan/training_options.h"

namespace tflm_train {
namespace {

using namespace arguments::softmax_int8;

TFLM_TRAIN_COLD bool ExponentialsFit(const StepView& step) {
  if (step.word_count() == kExponentials || step.word(kExponentials) < int32_t{1} << 30) return false;
  for (uint32_t i = kExponentials; i < step.word_count(); ++i) {
    if (step.word(i) < 0) return false;
  }
  return true;
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  constexpr Expected kForward[] = {kInt8, kInt8Output};
  constexpr Expected kBackward[] = {kInt8, kErrorOutput, kErrorOutput};
  const bool backwards = step.phase() == Phase::kBackward;
  if (step.word_count() < kExponentials ||
      !ElementWiseFits(step, backwards ? kBackward : kForward, backwards ? 3 : 2)) {
    return Status::kPlanInvalid;
  }
  const ValueRecord& value = step.value(0);
  const int32_t columns = value.dims[value.rank - 1];
  return PlanStatus(step.word(kColumns) == columns && step.word(kRows) >= 0 &&
                    static_cast<uint32_t>(columns) <= s8::kMaxSoftmaxColumns &&
                    CheckedElements(value) ==
                        static_cast<uint64_t>(step.word(kRows)) * static_cast<uint32_t>(columns) &&
                    (backwards ? step.word_count() == kExponentials && IsPositiveFinite(step.word_f32(kBeta))
                               : ExponentialsFit(step)));
}

uint32_t Rows(const StepView& step) { return static_cast<uint32_t>(step.word(kRows)); }
uint32_t Columns(const StepView& step) { return static_cast<uint32_t>(step.word(kColumns)); }

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  const s8::Exponentials exponentials = {step.words() + kExponentials, step.word_count() - kExponentials};
  s8::SoftmaxForward(Rows(step), Columns(step), exponentials, step.data<int8_t>(kX), step.data<int8_t>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  s8::SoftmaxBackward(Rows(step), Columns(step), step.word_f32(kBeta), step.data<int8_t>(kY), step.data<float>(kDy),
                      step.accumulates(0), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kSoftmaxInt8> kSoftmaxInt8 = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kSoftmaxInt8> kSoftmaxInt8Forward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
