// A sample trains where its class is not probable enough: 1 - p > threshold, p = exp(-loss).
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/gate/turns.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

static_assert(kGateStateBytes[static_cast<uint32_t>(GateId::kLoss)] == sizeof(Turns));

bool Run(const GateSample& sample) {
  const bool wanted = 1.0f - Exp(-sample.loss) > sample.options.gate_threshold;
  return static_cast<Turns*>(sample.state)->Next(sample.options, wanted);
}

}  // namespace

const Gate kLossGate(GateId::kLoss, Run);

}  // namespace tflm_train
