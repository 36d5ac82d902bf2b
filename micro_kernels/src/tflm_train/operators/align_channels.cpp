#include "tflm_train/kernels/activation.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/policies/finite.h"
#include "tflm_train/train/align_step.h"

namespace tflm_train {
namespace {

using namespace arguments::align_channels;
using namespace forward;

static_assert(kY == align_step::kY && kActivation == align_step::kActivation && kStatistics == align_step::kStatistics);

/// Words: an activation, the mean of each channel, the deviation of each.
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.phase() == Phase::kBackward || !ArgumentsFit(step, kCount, Needs(need::kOutput))) {
    return Status::kPlanInvalid;
  }
  const ValueRecord& y = step.value(kY);
  const auto channels = static_cast<uint32_t>(y.dims[y.rank - 1]);
  const uint32_t numbers = step.word_count() - 1;
  if (step.word_count() == 0 || numbers % 2 != 0 || numbers / 2 != channels || !IsActivation(step.word(kActivation))) {
    return Status::kPlanInvalid;
  }
  const auto* statistics = reinterpret_cast<const float*>(step.words() + kStatistics);
  if (!AllFinite(statistics, numbers)) return Status::kPlanInvalid;
  for (uint32_t i = channels; i < numbers; ++i) {
    if (!(statistics[i] >= 0.0f)) return Status::kPlanInvalid;
  }
  return Status::kOk;
}

/// By itself the activation function of the layer in front of it: class Alignment corrects.
void Forward(const StepView& step, WorkCounters&) {
  auto* const y = step.data<float>(kY);
  ClampForward(ActivationWord(step, kActivation), y, FloatElements(step.value(kY)), y);
}

}  // namespace

const OperatorOf<KernelId::kAlignChannels> kAlignChannels = {kArguments, Check, Forward, nullptr};
const OperatorOf<KernelId::kAlignChannels> kAlignChannelsForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
