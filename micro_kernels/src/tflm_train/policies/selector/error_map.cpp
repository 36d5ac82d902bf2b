// Error-map pruning (Wu et al., arXiv 2007.03213): whole output channels go on, a fixed part of them, those with the
// largest 2 |error|_1 + |weights|_1. Scores are compared by the upper half of their bits; ties go to the lowest
// channel.
#include <cmath>

#include "tflm_train/base/float_bits.h"
#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/policies/policies.h"
#include "tflm_train/policies/selector/top_k.h"

namespace tflm_train {
namespace {

/// Weights of a channel: `first[i * step]`.
struct ChannelWeights {
  const float* first;
  uint32_t count, step;
};

ChannelWeights WeightsOf(const LayerError& error, uint32_t channel) {
  const LayerRecord& layer = error.layer;
  if (layer.weight == kNoneIndex) return {nullptr, 0, 0};
  const ParameterRecord& parameter = error.plan->parameter(layer.weight);
  const auto* const weights = reinterpret_cast<const float*>(error.persistent + parameter.arena_offset);
  const uint32_t count = parameter.elements / layer.channels;
  if ((layer.flags & kLayerChannelLast) != 0) return {weights + channel, count, layer.channels};
  return {weights + channel * count, count, 1};
}

/// The upper half of the score's bits, which have the order of numbers that are not negative.
uint16_t Key(const LayerError& error, uint32_t channel) {
  float errors = 0.0f, sum = 0.0f;
  for (uint32_t i = channel; i < error.elements; i += error.layer.channels) errors += std::fabs(error.delta[i]);
  const ChannelWeights weights = WeightsOf(error, channel);
  for (uint32_t i = 0; i < weights.count; ++i) sum += std::fabs(weights.first[i * weights.step]);
  return static_cast<uint16_t>(BitsOf(2.0f * errors + sum) >> 16);
}

bool Run(const LayerError& error) {
  const uint32_t channels = error.layer.channels;
  bool any = false;
  for (uint32_t i = 0; i < error.elements; ++i) {
    if (error.gate[i] == 0.0f) error.delta[i] = 0.0f;
    any = any || error.delta[i] != 0.0f;
  }
  const uint32_t k = SelectionSize(error.options.ratio, channels);
  if (!any || k >= channels || channels > error.elements) return any;
  for (uint32_t c = 0; c < channels; ++c) error.keys[c] = Key(error, c);
  const uint16_t least = NthLargest(error.keys, channels, k);
  uint32_t ties = 0;  // of the least that go on
  for (uint32_t i = 0; i < k; ++i) ties += error.keys[i] == least ? 1 : 0;
  any = false;
  for (uint32_t c = 0; c < channels; ++c) {
    const uint16_t key = Key(error, c);
    const bool tie = key == least && ties > 0;
    if (tie) --ties;
    const bool stays = key > least || tie;
    for (uint32_t i = c; i < error.elements; i += channels) {
      if (!stays) error.delta[i] = 0.0f;
      any = any || error.delta[i] != 0.0f;
    }
  }
  return any;
}

/// Layers have channels, and weights of floats, a whole number for each.
Finding VerifyPlan(const Policy&, const PlanReader& plan) {
  for (uint32_t i = 0; i < plan.layer_count(); ++i) {
    const LayerRecord& layer = plan.layer(i);
    if (layer.channels == 0) return Invalid(Subject::kLayer);
    if (layer.weight == kNoneIndex) continue;
    const ParameterRecord& weights = plan.parameter(layer.weight);
    if (weights.type != static_cast<uint8_t>(ScalarType::kFloat32)) {
      return Found(Status::kUnsupportedType, Subject::kSelector);
    }
    if (weights.elements % layer.channels != 0 && (layer.flags & kLayerDense) == 0) return Invalid(Subject::kLayer);
  }
  return Finding::kNothing;
}

}  // namespace

const Selector kErrorMapSelector(SelectorId::kErrorMap, Run, nullptr, VerifyPlan);

}  // namespace tflm_train
