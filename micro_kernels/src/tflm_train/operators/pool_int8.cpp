// MAX_POOL_2D and AVERAGE_POOL_2D in int8.
#include "tflm_train/kernels/average_pool_2d.h"
#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/s8/max_pool_2d.h"
#include "tflm_train/kernels/max_pool_2d.h"
#include "tflm_train/kernels/s8/average_pool_2d.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/int8_check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/pool.h"

namespace tflm_train {
namespace {

namespace max_pool = arguments::max_pool_2d_int8;
namespace average_pool = arguments::average_pool_2d_int8;
using average_pool::kLow, average_pool::kHigh;  // those of both

constexpr Expected kWinnersIfAny = {ScalarType::kUint8, true, true}, kWinners = {ScalarType::kUint8};

TFLM_TRAIN_COLD bool WordsFit(const StepView& step) {
  return step.word_count() == average_pool::kWords && RangeFits(step, kLow);
}

Int8Range RangeOf(const StepView& step) { return {step.word(kLow), step.word(kHigh)}; }

TFLM_TRAIN_COLD Status CheckMax(const StepView& step) {
  if (!WordsFit(step)) return Status::kPlanInvalid;
  if (step.phase() != Phase::kBackward) {
    using namespace max_pool::forward;
    constexpr Expected kExpected[] = {kInt8, kInt8Output, kWinnersIfAny};
    if (!ArgumentsAre(step, kExpected, kCount)) return Status::kPlanInvalid;
    const ValueRecord &x = step.value(kX), &y = step.value(kY);
    return PlanStatus(PoolImagesFit(step, x, y) && ArgmaxFits(step, kArgmax, ReadPoolStep(step, x, y), y));
  }
  using namespace max_pool::backward;
  constexpr Expected kExpected[] = {kInt8, kWinners, kErrorOutput, kErrorOutput};
  if (!ArgumentsAre(step, kExpected, kCount)) return Status::kPlanInvalid;
  const ValueRecord &dx = step.value(kDx), &dy = step.value(kDy);
  return PlanStatus(PoolImagesFit(step, dx, dy) && SameElements(step.value(kY), dy) &&
                    ArgmaxFits(step, kArgmax, ReadPoolStep(step, dx, dy), dy));
}

void ForwardMax(const StepView& step, WorkCounters&) {
  using namespace max_pool::forward;
  const PoolShape shape = ReadPoolStep(step, step.value(kX), step.value(kY));
  const auto* const x = step.data<int8_t>(kX);
  auto* const y = step.data<int8_t>(kY);
  auto* const argmax = step.data<uint8_t>(kArgmax);
  if constexpr (kFastKernels) {
    fast::s8::MaxPool2dForward(shape, x, RangeOf(step), y, argmax);
  } else {
    MaxPool2dForward<int8_t>(shape, x, RangeOf(step), y, argmax);
  }
}

void BackwardMax(const StepView& step, const BackwardContext&) {
  using namespace max_pool::backward;
  const ValueRecord &dx = step.value(kDx), &dy = step.value(kDy);
  MaskClamped(step, kLow, kY, kDy);
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(kDx), Elements(dx));
  MaxPool2dBackward<float>(ReadPoolStep(step, dx, dy), step.data<uint8_t>(kArgmax), step.data<float>(kDy),
                           step.data<float>(kDx));
}

TFLM_TRAIN_COLD Status CheckAverage(const StepView& step) {
  if (!WordsFit(step)) return Status::kPlanInvalid;
  if (step.phase() != Phase::kBackward) {
    using namespace average_pool::forward;
    constexpr Expected kExpected[] = {kInt8, kInt8Output};
    return PlanStatus(ArgumentsAre(step, kExpected, kCount) && PoolImagesFit(step, step.value(kX), step.value(kY)));
  }
  using namespace average_pool::backward;
  constexpr Expected kExpected[] = {kInt8, kErrorOutput, kErrorOutput};
  return PlanStatus(ArgumentsAre(step, kExpected, kCount) && PoolImagesFit(step, step.value(kDx), step.value(kDy)) &&
                    SameElements(step.value(kY), step.value(kDy)));
}

void ForwardAverage(const StepView& step, WorkCounters&) {
  using namespace average_pool::forward;
  s8::AveragePool2dForward(ReadPoolStep(step, step.value(kX), step.value(kY)), step.data<int8_t>(kX), RangeOf(step),
                           step.data<int8_t>(kY));
}

void BackwardAverage(const StepView& step, const BackwardContext&) {
  using namespace average_pool::backward;
  const ValueRecord &dx = step.value(kDx), &dy = step.value(kDy);
  MaskClamped(step, kLow, kY, kDy);
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(kDx), Elements(dx));
  AveragePool2dBackward<float>(ReadPoolStep(step, dx, dy), step.data<float>(kDy), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kMaxPool2dInt8> kMaxPool2dInt8 = {max_pool::kArguments, CheckMax, ForwardMax, BackwardMax};
const OperatorOf<KernelId::kMaxPool2dInt8> kMaxPool2dInt8Forward = {max_pool::kArguments, CheckMax, ForwardMax,
                                                                    nullptr};
const OperatorOf<KernelId::kAveragePool2dInt8> kAveragePool2dInt8 = {average_pool::kArguments, CheckAverage,
                                                                     ForwardAverage, BackwardAverage};
const OperatorOf<KernelId::kAveragePool2dInt8> kAveragePool2dInt8Forward = {average_pool::kArguments, CheckAverage,
                                                                            ForwardAverage, nullptr};

}  // namespace tflm_train
