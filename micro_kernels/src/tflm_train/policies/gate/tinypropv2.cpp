// TinyPropv2 (Rueb et al., arXiv 2409.07109): a sample trains where its error at the output is large relative to the
// running maximum, D = (D_min + Y / Ymax (D_max - D_min)) beta > threshold with D_min = 0, D_max = beta = 1. The decay
// of the maximum is ours, as TinyProp's.
#include <cfloat>
#include <cmath>

#include "tflm_train/policies/gate/turns.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

struct State : Turns {
  float maximum;
};
static_assert(kGateStateBytes[static_cast<uint32_t>(GateId::kTinypropv2)] == sizeof(State));

bool Run(const GateSample& sample) {
  State& state = *static_cast<State*>(sample.state);
  float sum = 0.0f;
  for (uint32_t i = 0; i < sample.outputs; ++i) sum += std::fabs(sample.error[i]);
  bool large = true;
  if (sum <= FLT_MAX) {  // else it trains, and the maximum stays usable
    const float decayed = sample.options.decay * state.maximum;
    state.maximum = decayed > sum ? decayed : sum;
    large = sum > sample.options.skip_threshold * state.maximum;
  }
  return state.Next(sample.options, large);
}

}  // namespace

const Gate kTinypropv2Gate(GateId::kTinypropv2, Run);

}  // namespace tflm_train
