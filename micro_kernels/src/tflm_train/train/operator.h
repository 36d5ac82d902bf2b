// How the trainer calls a kernel: one Operator per kernel, checked once and then only executed.
#ifndef TFLM_TRAIN_TRAIN_OPERATOR_H_
#define TFLM_TRAIN_TRAIN_OPERATOR_H_

#include "tflm_train/kernels/types.h"
#include "tflm_train/plan/kernel_arguments.h"
#include "tflm_train/plan/step_view.h"
#include "tflm_train/policies/optimizer.h"
#include "tflm_train/policies/selector.h"
#include "tflm_train/policies/update.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// What a backward step needs besides its values. Lives for one step.
struct BackwardContext {
  /// A selector chooses among the layer's `elements` errors. `keys`: room for one per error, null without a
  /// selector.
  bool Selects(uint32_t elements, const uint16_t* keys) const;
  /// Then: chooses those that go on and clears the others of `delta`, and counts its work. Errors go on only where
  /// `gate` is not zero: the output of a ReLU, or a masked `delta` itself.
  Selection Select(const float* gate, float* delta, uint32_t elements, uint16_t* keys) const;

  /// The same among 16-bit integers delta[i] * 2^exponent.
  bool SelectsIntegers(uint32_t elements, const uint16_t* keys) const;
  Selection SelectIntegers(int16_t* delta, int32_t exponent, uint32_t elements, uint16_t* keys) const;

  /// Layer that the step trains; null for a step that only passes the error on.
  const LayerRecord* layer;
  /// Where the gradients of the layer go, null if frozen: the parameters themselves or, with accumulation, their
  /// buffers.
  float* weight_target;
  float* bias_target;
  uint32_t ParameterRecord::* target;  // offset of either
  /// How a row of them is added there, or finished otherwise.
  StepSink sink;
  /// What goes on where nothing selects: all but, with zero-skip, the elements that are zero (exact).
  Selection dense;
  WorkCounters* work;
  /// The selector in force, null if all errors go on.
  const Selector* selector;
  /// What rows of integers get when their gradient is whole; null with accumulation.
  const Update* update;
};

/// The functions of one kernel. Objects are constants with static storage; a firmware links those that it names.
struct Operator {
  KernelId kernel;
  KernelArguments arguments;
  /// Its backward steps change the weights of a layer as they go over them, once, for one sample: they have no way to
  /// gradients beside the weights.
  bool one_pass;
  /// Once per step, at Init: number, types, shapes and constants of the step's values, for the step's phase. After kOk
  /// no value of the step's shapes can lead a kernel outside its buffers.
  Status (*check)(const StepView& step);
  void (*forward)(const StepView& step, WorkCounters& work);
  /// Null in an Operator for inference only.
  void (*backward)(const StepView& step, const BackwardContext& context);
};

/// An Operator whose kernel its type tells, so that a set of them is a constant of the compiler's.
template <KernelId id>
struct OperatorOf : Operator {
  constexpr OperatorOf(const KernelArguments& given, decltype(Operator::check) check_step,
                       decltype(Operator::forward) run_forward, decltype(Operator::backward) run_backward,
                       bool in_one_pass = false)
      : Operator{id, given, in_one_pass, check_step, run_forward, run_backward} {}
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_OPERATOR_H_
