// An update rule: what gradients make of weights.
#ifndef TFLM_TRAIN_POLICIES_OPTIMIZER_H_
#define TFLM_TRAIN_POLICIES_OPTIMIZER_H_

#include <cstdint>

#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/policies/policy.h"

namespace tflm_train {

/// Weights whose gradient is whole: a row of a parameter (those of an output channel, a neuron, a row of a table, or
/// one bias or slope), or all of it after a group of accumulated samples.
struct ParameterRow {
  const TrainingOptions& options;
  float* weights;         // the i-th of [elements] is weights[i * step]
  const float* gradient;  // [elements]; of a group the mean
  float* state;           // of the i-th: n numbers from state[i * step * n] on
  const float* shared;    // what the rule keeps for all weights together
  uint32_t elements;
  uint32_t step;
};

/// The sink of a training step.
struct StepSink : RowSink<float> {
  const TrainingOptions* options;
  uint8_t* persistent;  // part of the arena
  const PlanReader* plan;
};

/// An update rule. Without one weights take -learning_rate times their gradient as it comes (SGD).
///
/// Its state starts from zeros and is part of the training state. A row that is frozen or not selected keeps its
/// weights and its state: with a selector a velocity, say, does not decay in a step that leaves its row out. Where none
/// selects, every row is updated, also by a gradient of zeros.
struct Optimizer : RowRule<float>, PolicyOf<PolicyKind::kOptimizer, OptimizerId> {
  constexpr Optimizer(OptimizerId optimizer, void (*run_rule)(const ParameterRow&),
                      void (*begin_update)(float* shared) = KeepShared)
      : Optimizer(optimizer, run_rule, kOptimizerStateFloats[static_cast<uint32_t>(optimizer)],
                  kOptimizerSharedFloats[static_cast<uint32_t>(optimizer)], begin_update) {}
  /// One that is not the library's.
  constexpr Optimizer(OptimizerId optimizer, void (*run_rule)(const ParameterRow&), uint32_t numbers,
                      uint32_t shared_numbers, void (*begin_update)(float* shared) = KeepShared)
      : RowRule{Begin, End, EndStrided, EndBiases, Dense},
        PolicyOf(optimizer, VerifyPlan),
        begin(begin_update),
        run(run_rule),
        state_floats(numbers),
        shared_floats(shared_numbers) {}
  /// In front of the rows of an update.
  void (*begin)(float* shared);
  /// Changes the weights and their state.
  void (*run)(const ParameterRow& row);
  uint32_t state_floats;   // for each weight
  uint32_t shared_floats;  // for all together, in front of those

  /// By a pointer, so that a firmware without a rule does not link it.
  /// The end of a group of samples: all parameters, by the mean of their gradients, which start from zero again.
  void (*end_group)(const Optimizer& rule, const PlanReader& plan, const TrainingOptions& options, uint8_t* persistent,
                    uint32_t samples) = EndGroup;

 private:
  static void KeepShared(float*) {}
  static Workspace<float> Begin(const RowSink<float>& sink, const Workspace<float>& block, uint32_t n);
  static void End(const RowSink<float>& sink, float* weights, const float* gradient, uint32_t n);
  static void EndStrided(const RowSink<float>& sink, float* weights, const float* gradient, uint32_t n, uint32_t step);
  static void EndBiases(const RowSink<float>& sink, float* biases, const Selection& selection, const float* dy,
                        uint32_t elements, uint32_t channels);
  static void Dense(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                    const float* w, const RowSink<float>& sink, float* target, float* biases, float* dx);
  /// All parameters are floats, and the plan has room for the state and for rows.
  static Finding VerifyPlan(const Policy& rule, const PlanReader& plan);
  static void EndGroup(const Optimizer& rule, const PlanReader& plan, const TrainingOptions& options,
                       uint8_t* persistent, uint32_t samples);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_OPTIMIZER_H_
