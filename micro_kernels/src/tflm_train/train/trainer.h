// Trains and runs an augmented .tflite model in memory that the caller gives.
#ifndef TFLM_TRAIN_TRAIN_TRAINER_H_
#define TFLM_TRAIN_TRAIN_TRAINER_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/base/cold.h"
#include "tflm_train/base/wide_pointer.h"
#include "tflm_train/plan/error_detail.h"
#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/plan/training_options.h"
#include "tflm_train/plan/typed_memory.h"
#include "tflm_train/policies/gate.h"
#include "tflm_train/policies/label.h"
#include "tflm_train/policies/loss.h"
#include "tflm_train/policies/selector.h"
#include "tflm_train/policies/step_context.h"
#include "tflm_train/policies/step_result.h"
#include "tflm_train/policies/update.h"
#include "tflm_train/status.h"
#include "tflm_train/train/operator_set.h"

namespace tflm_train {

/// Replaces the library's own forward kernels: see tflm/trainable_interpreter.h.
class ForwardPass {
 public:
  /// Runs operators [first, last] of the model on the values in the program's memory.
  virtual Status Run(uint16_t first_operator, uint16_t last_operator) = 0;
  /// Writes numbers as the model's input stores them, if that is not of type float32.
  virtual Status StoreInput(const float* /*input*/, uint32_t /*elements*/, void* /*stored*/) {
    return Status::kInvalidArgument;
  }

 protected:
  ~ForwardPass() = default;
};

/// One model in training. Holds pointers only: model, operators and arena belong to the caller and must outlive it.
class Trainer : StepContext {
 public:
  /// Verifies the model and its plan, and loads the trainable weights into the arena.
  /// `model`: augmented .tflite, aligned to 16 bytes; `arena`: aligned to 16, at least the plan's arena_bytes.
  /// After an error the trainer refuses every call with kNotInitialized, and `error()` tells more.
  TFLM_TRAIN_COLD Status Init(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                              size_t arena_size);

  /// The same for what lies behind the plan's cut, by the library's own kernels: the samples of Step, Infer and
  /// Evaluate are values of the cut's tensor, wherever they were computed. kNoProgram: the plan has no cut.
  TFLM_TRAIN_COLD Status InitFromCut(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                                     size_t arena_size);

  /// The same with another forward pass and the plan's `tflm` program, which serves Infer and Evaluate too.
  /// `program_memory` (aligned to 16) is where the forward pass keeps the tensors: the plan's offsets count from there,
  /// and the arena holds the persistent part only. Null: it follows the persistent part in the arena.
  TFLM_TRAIN_COLD Status InitWithForwardPass(const void* model, size_t model_size, const OperatorSet& operators,
                                             void* arena, size_t arena_size, void* program_memory,
                                             size_t program_memory_size, ForwardPass* forward);

  /// Trains on one sample: forward, loss, backward with update. `input` has input_elements() floats and is not changed.
  /// A class trains a single output as a number: 0 or 1 for binary cross entropy, any for the mean squared error.
  /// kNonFinite: input, label, output, loss or output error is NaN or infinite; no weight has changed.
  Status Step(const float* input, const Label& label, StepResult* result = nullptr);
  /// The same for a sample whose loss counts `weight` times: the error at the output, and the loss in `result`. Weight
  /// 1 changes no bit. A sample of weight 0 trains nothing, but is one of its group where samples are accumulated.
  /// kInvalidArgument: the weight is negative, NaN or infinite; kNonFinite: the weighted loss or error is.
  Status Step(const float* input, const Label& label, float weight, StepResult* result = nullptr);
  /// With another forward pass: as Step, from a value of the cut's tensor. Nothing in front of the cut runs.
  /// kNoProgram: the plan has no cut.
  TFLM_TRAIN_COLD Status StepFromCut(const float* activation, const Label& label, float weight, StepResult* result);
  /// With another forward pass: runs what lies in front of the cut; `*activation` points to the value of the cut's
  /// tensor until the next call. kNoProgram: the plan has no cut.
  TFLM_TRAIN_COLD Status RunBody(const float* input, const float** activation);
  /// Runs the model; `*output` points into the arena until the next call.
  TFLM_TRAIN_COLD Status Infer(const float* input, const float** output);
  /// Loss and correctness of one sample without training: of an int8 softmax or sigmoid at the end the loss from its
  /// logits, as in a step, and what of the output is correct.
  TFLM_TRAIN_COLD Status Evaluate(const float* input, const Label& label, StepResult* result);
  /// Applies accumulated gradients of an unfinished group (their mean); does nothing without accumulation.
  Status Flush();
  /// Weights as in the file; state, accumulated gradients and counters as after Init. Options stay.
  TFLM_TRAIN_COLD Status Reset();

  /// Size of what training changes: weights, gradients that wait for their update and the number of their samples, the
  /// selectors' state. A copy of all of it undoes every step since. A header of 8 bytes says to which plan it belongs.
  uint32_t state_bytes() const;
  /// Copies bytes [offset, offset + bytes) of the state out. kInvalidArgument outside it.
  TFLM_TRAIN_COLD Status ReadState(uint32_t offset, void* to, uint32_t bytes) const;
  /// Copies them back. The header is written as a whole; kInvalidArgument for another plan's, for more waiting samples
  /// than the options in force allow, or outside the state.
  TFLM_TRAIN_COLD Status WriteState(uint32_t offset, const void* from, uint32_t bytes);

  uint32_t input_elements() const;
  uint32_t output_elements() const;
  /// What the input is stored as. Samples are floats; where it is not, another forward pass stores them.
  ScalarType input_type() const;
  ScalarType output_type() const;
  /// Outputs of one row: a label has a class number for each of the output_elements() / classes() rows.
  uint32_t classes() const;
  const TrainingOptions& options() const { return options_; }
  /// kSelectorNeedsPlan, kInvalidArgument, or kMissingOperator for a policy that the OperatorSet lacks, leaves the
  /// options as they were. An unfinished group of samples is applied first when their number per update changes;
  /// another gate starts from zeros.
  TFLM_TRAIN_COLD Status SetOptions(const TrainingOptions& options);

  uint32_t parameter_count() const;
  /// A parameter in the arena: read or write it between steps. `parameter(i).floats()` are the values of one of type
  /// float32. Without data for a bad index.
  ParameterView parameter(uint32_t index);
  /// Overwrites bytes [offset, offset + bytes) of a parameter's values; what is written of a quantised one has no
  /// remainder any more. kInvalidArgument for a bad index, or outside it.
  TFLM_TRAIN_COLD Status WriteParameter(uint32_t index, uint32_t offset, const void* from, uint32_t bytes);
  /// Its gradient buffer, null without accumulation.
  const float* gradient(uint32_t index) const;

  const WorkCounters& counters() const { return counters_; }
  void ResetCounters() { counters_ = {}; }
  const ErrorDetail& error() const { return error_; }
  const PlanReader& plan() const { return plan_; }

 private:
  friend class Alignment;
  friend class ClassTeacher;
  friend class LatentReplay;
  class Memory;

  TFLM_TRAIN_COLD Status Prepare(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                                 size_t arena_size);
  TFLM_TRAIN_COLD Status InitNative(ProgramKind train_kind, ProgramKind infer_kind, void* arena, size_t arena_size);
  TFLM_TRAIN_COLD Status Verify(const ProgramRecord& program);
  TFLM_TRAIN_COLD Status CheckMemory(size_t size, uint32_t required, Subject memory);
  TFLM_TRAIN_COLD Status Start(void* arena);
  TFLM_TRAIN_COLD Status FindPolicies(const TrainingOptions& options);
  TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE const Policy* Need(uint32_t key);
  template <class Kind>
  const Kind* Need(typename Kind::Id id) {
    return static_cast<const Kind*>(Need(Kind::KeyOf(id)));
  }
  TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE const Policy* Chosen(uint32_t key);
  template <class Kind>
  const Kind* Chosen(typename Kind::Id id) {
    return static_cast<const Kind*>(Chosen(Kind::KeyOf(id)));
  }
  TFLM_TRAIN_COLD void FindConstants();
  TFLM_TRAIN_COLD void LoadParameters();

  bool ready() const { return arena_ != nullptr; }
  Status Fail(Status status, Subject subject) { return error_.Set(Found(status, subject)); }
  Status RunForward(const ProgramRecord& program, const float* input, const Memory& memory);
  TFLM_TRAIN_COLD static Status RunExternal(Trainer* trainer, const ProgramRecord& program, const float* input,
                                            const Memory& memory);
  Status TakeInput(const ProgramRecord& program, const float* input, const Memory& memory);
  Status RunSample(const ProgramRecord& program, const Label& label, const Memory& memory, float* error,
                   const Gate* gate, StepResult* result);
  Status RunStep(const ProgramRecord& program, const float* input, const Label& label, const Gate* gate,
                 StepResult* result);
  TFLM_TRAIN_COLD Status RunWeightedStep(const ProgramRecord& program, const float* input, const Label& label,
                                         float weight, StepResult* result);
  void RunBackward(const ProgramRecord& program, const Memory& memory);
  void CountSample();
  template <class Run>
  void ForEachStep(const Memory& memory, const StepRecord* step, uint32_t count, Run run) const;
  ScalarType TypeOf(uint16_t value) const;
  void SelectLayer(uint16_t index, BackwardContext* context) const;
  float* GradientTarget(uint16_t parameter, const BackwardContext& context) const;
  TFLM_TRAIN_COLD void ApplyGradients();
  float* Persistent(uint32_t offset) const { return reinterpret_cast<float*>(arena_ + offset); }

  WidePointer<const OperatorSet> operators_;
  WidePointer<uint8_t> program_memory_;
  WidePointer<ForwardPass> forward_;
  // Null: the library's own kernels. A pointer, so that firmware without a ForwardPass does not link the way to it.
  WidePointer<Status(Trainer*, const ProgramRecord&, const float*, const Memory&)> run_forward_;
  WidePointer<const ProgramRecord> train_;
  WidePointer<const ProgramRecord> infer_;
  WidePointer<const Loss> loss_;
  WidePointer<const Selector> selector_;    // null: all errors go on
  WidePointer<const Optimizer> optimizer_;  // null: SGD
  WidePointer<const Update> update_;        // null: floats train
  WorkCounters counters_;
  ErrorDetail error_;
};

static_assert(sizeof(Trainer) == kTrainerBytes, "on every target");

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_TRAINER_H_
