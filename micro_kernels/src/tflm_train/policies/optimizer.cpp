// What all update rules share. Linked with any of them.
#include "tflm_train/policies/optimizer.h"

#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/plan/plan_reader.h"

namespace tflm_train {
namespace {

/// The state of a weight, which lies among the others' as the weight among weights.
float* StateOf(const float* weight, const Optimizer& rule, uint8_t* persistent, const DefaultsRecord& defaults) {
  const auto offset = static_cast<size_t>(reinterpret_cast<const uint8_t*>(weight) - persistent);
  return reinterpret_cast<float*>(persistent + defaults.optimizer_offset + offset * rule.state_floats);
}

}  // namespace

Workspace<float> Optimizer::Begin(const RowSink<float>& sink, const Workspace<float>& block, uint32_t n) {
  const auto& step_sink = static_cast<const StepSink&>(sink);
  const DefaultsRecord& defaults = step_sink.plan->defaults();
  if (n > defaults.row_elements) return block;  // a plan that converters do not write: its rows end in pieces
  const uint32_t offset = defaults.persistent_bytes - defaults.row_elements * static_cast<uint32_t>(sizeof(float));
  return {reinterpret_cast<float*>(step_sink.persistent + offset), n};
}

void Optimizer::EndStrided(const RowSink<float>& sink, float* weights, const float* gradient, uint32_t n,
                           uint32_t step) {
  const auto& step_sink = static_cast<const StepSink&>(sink);
  const auto& rule = *static_cast<const Optimizer*>(sink.rule);
  float* const state = StateOf(weights, rule, step_sink.persistent, step_sink.plan->defaults());
  rule.run({*step_sink.options, weights, gradient, state, n, step});
}

void Optimizer::End(const RowSink<float>& sink, float* weights, const float* gradient, uint32_t n) {
  EndStrided(sink, weights, gradient, n, 1);
}

void Optimizer::EndBiases(const RowSink<float>& sink, float* biases, const Selection& selection, const float* dy,
                          uint32_t elements, uint32_t channels) {
  for (uint32_t channel = 0; channel < channels; ++channel) {
    if (!SelectsChannel(selection, dy, elements, channel, channels)) continue;
    float sum = 0.0f;
    for (uint32_t i = channel; i < elements; i += channels) sum += dy[i];
    End(sink, biases + channel, &sum, 1);
  }
}

void Optimizer::Dense(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                      const float* w, const RowSink<float>& sink, float* target, float* biases, float* dx) {
  WorkCounters unused;  // the caller counts
  if (dx != nullptr) FullyConnected::InputError(shape, w, dy, selection, dx, unused);
  if (target != nullptr) FullyConnected::WeightGradient(shape, x, dy, selection, sink, target, unused);
  if (biases != nullptr) EndBiases(sink, biases, selection, dy, shape.output_elements(), shape.outputs);
}

Finding Optimizer::VerifyPlan(const Policy& policy, const PlanReader& plan) {
  const auto& rule = static_cast<const Optimizer&>(policy);
  const DefaultsRecord& defaults = plan.defaults();
  const uint64_t table_end = defaults.constants_offset + uint64_t{defaults.constant_count} * sizeof(uint32_t);
  if (table_end + uint64_t{defaults.row_elements} * sizeof(float) > defaults.persistent_bytes ||
      defaults.optimizer_offset % sizeof(float) != 0) {
    return Invalid(Subject::kDefaults);
  }
  // Its state lies between what parameters have and the layers' states, which have passed in this order.
  uint64_t weights_end = 0, front = 0;
  const auto take = [](uint64_t end, uint64_t* last) { *last = end > *last ? end : *last; };
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    const ParameterRecord& parameter = plan.parameter(i);
    if (parameter.type != static_cast<uint8_t>(ScalarType::kFloat32)) {
      return Found(Status::kUnsupportedType, Subject::kParameter);
    }
    const uint64_t floats = uint64_t{parameter.elements} * sizeof(float);
    take(parameter.arena_offset + floats, &weights_end);
    if (parameter.gradient_offset != kNoneOffset) take(parameter.gradient_offset + floats, &front);
    const uint64_t remainder = parameter.remainder_offset;
    if (remainder != kNoneOffset) take(remainder + parameter.elements, &front);
  }
  take(weights_end, &front);
  const uint64_t begin = defaults.optimizer_offset, end = begin + weights_end * rule.state_floats;
  const uint32_t back = plan.layer_count() > 0 ? plan.layer(0).state_offset : plan.gate_state_offset();
  return front <= begin && end <= back ? Finding::kNothing : Invalid(Subject::kPersistentMemory);
}

void Optimizer::EndGroup(const Optimizer& rule, const PlanReader& plan, const TrainingOptions& options,
                         uint8_t* persistent, uint32_t samples) {
  const auto n = static_cast<float>(samples);
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    const ParameterRecord& parameter = plan.parameter(i);
    auto* const weights = reinterpret_cast<float*>(persistent + parameter.arena_offset);
    auto* const gradients = reinterpret_cast<float*>(persistent + parameter.gradient_offset);
    for (uint32_t j = 0; j < parameter.elements; ++j) gradients[j] /= n;
    float* const state = StateOf(weights, rule, persistent, plan.defaults());
    rule.run({options, weights, gradients, state, parameter.elements, 1});
    Fill(0.0f, gradients, parameter.elements);
  }
}

}  // namespace tflm_train
