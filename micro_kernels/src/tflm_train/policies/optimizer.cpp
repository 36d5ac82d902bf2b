// What all update rules share. Linked with any of them.
#include "tflm_train/policies/optimizer.h"

#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/plan/plan_reader.h"

namespace tflm_train {
namespace {

/// What the rule keeps for all weights together.
float* SharedState(uint8_t* persistent, const DefaultsRecord& defaults) {
  return reinterpret_cast<float*>(persistent + defaults.optimizer_offset);
}

/// Runs it for weights[i * step], i < n. The state of a weight lies among the others' as the weight among weights.
void RunRow(const Optimizer& rule, const PlanReader& plan, const TrainingOptions& options, uint8_t* persistent,
            float* weights, const float* gradient, uint32_t n, uint32_t step) {
  float* const shared = SharedState(persistent, plan.defaults());
  const auto at = static_cast<size_t>(weights - reinterpret_cast<const float*>(persistent));
  rule.run({options, weights, gradient, shared + rule.shared_floats + at * rule.state_floats, shared, n, step});
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
  RunRow(rule, *step_sink.plan, *step_sink.options, step_sink.persistent, weights, gradient, n, step);
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
  const uint64_t begin = defaults.optimizer_offset;
  const uint64_t end = begin + uint64_t{rule.shared_floats} * sizeof(float) + weights_end * rule.state_floats;
  const uint32_t back = plan.layer_count() > 0 ? plan.layer(0).state_offset : plan.gate_state_offset();
  return front <= begin && end <= back ? Finding::kNothing : Invalid(Subject::kPersistentMemory);
}

void Optimizer::EndGroup(const Optimizer& rule, const PlanReader& plan, const TrainingOptions& options,
                         uint8_t* persistent, uint32_t samples) {
  const auto n = static_cast<float>(samples);
  rule.begin(SharedState(persistent, plan.defaults()));
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    const ParameterRecord& parameter = plan.parameter(i);
    auto* const weights = reinterpret_cast<float*>(persistent + parameter.arena_offset);
    auto* const gradients = reinterpret_cast<float*>(persistent + parameter.gradient_offset);
    for (uint32_t j = 0; j < parameter.elements; ++j) gradients[j] /= n;
    RunRow(rule, plan, options, persistent, weights, gradients, parameter.elements, 1);
    Fill(0.0f, gradients, parameter.elements);
  }
}

}  // namespace tflm_train
