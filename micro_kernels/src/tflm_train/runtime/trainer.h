// Trains and runs an augmented .tflite model in memory that the caller gives.
#ifndef TFLM_TRAIN_RUNTIME_TRAINER_H_
#define TFLM_TRAIN_RUNTIME_TRAINER_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/runtime/operator_set.h"
#include "tflm_train/runtime/plan_reader.h"
#include "tflm_train/runtime/selector.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// The target of one sample: a class number, or a vector of the output's size.
struct Label {
  static Label Class(int32_t index) { return {index, nullptr}; }
  static Label Vector(const float* values) { return {-1, values}; }
  int32_t index;
  const float* values;
};

struct StepResult {
  float loss;    // before the update
  bool correct;  // arg-max of the output (first on ties) equals the label's; one output: the same side of 0.5 (0 for logits)
};

/// What may be changed between steps. Starts from the plan's defaults.
struct TrainingOptions {
  float learning_rate;
  SelectorConfig selector;
  bool zero_skip;
  uint32_t accumulate;  // samples per update; > 1 only if the plan reserves gradient buffers
};

/// Where a failure was found, for messages.
struct ErrorDetail {
  Status status;
  uint16_t step;            // kNoneIndex if no step is concerned
  const char* subject;      // operator name or what was checked; may be null
  uint32_t required_bytes;  // kArenaTooSmall: what the arena must have
};

/// Replaces the library's own forward kernels: see tflm/trainable_interpreter.h.
class ForwardPass {
 public:
  /// Runs operators [first, last] of the model on the values in the program's memory.
  virtual Status Run(uint16_t first_operator, uint16_t last_operator) = 0;

 protected:
  ~ForwardPass() = default;
};

/// One model in training. Holds pointers only: model and arena belong to the caller and must outlive it.
class Trainer {
 public:
  /// Verifies the model and its plan, and loads the trainable weights into the arena.
  /// `model`: augmented .tflite, aligned to 16 bytes; `arena`: aligned to 16, at least the plan's arena_bytes.
  /// After an error the trainer refuses every call with kNotInitialized, and `error()` tells more.
  Status Init(const void* model, size_t model_size, const OperatorSet& operators, void* arena, size_t arena_size);

  /// The same with another forward pass and the plan's `tflm` programs. `program_memory` is the memory where the forward pass keeps
  /// the tensors (the plan's offsets count from there); the arena holds the persistent part only.
  Status InitWithForwardPass(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                             size_t arena_size, void* program_memory, size_t program_memory_size, ForwardPass* forward);

  /// Trains on one sample: forward, loss, backward with update. `input` has input_elements() floats and is not changed.
  /// kNonFinite: input, output, loss or output error is NaN or infinite; no weight has changed.
  Status Step(const float* input, const Label& label, StepResult* result = nullptr);
  /// Runs the model; `*output` points into the arena until the next call.
  Status Infer(const float* input, const float** output);
  /// Loss and correctness of one sample without training.
  Status Evaluate(const float* input, const Label& label, StepResult* result);
  /// Applies accumulated gradients of an unfinished group (their mean); does nothing without accumulation.
  Status Flush();
  /// Weights as in the file, state and counters as after Init.
  Status Reset();

  uint32_t input_elements() const;
  uint32_t output_elements() const;
  const TrainingOptions& options() const { return options_; }
  /// kSelectorNeedsPlan or kInvalidArgument leaves the options as they were.
  Status SetOptions(const TrainingOptions& options);

  uint32_t parameter_count() const;
  uint32_t parameter_elements(uint32_t index) const;
  uint32_t parameter_tensor(uint32_t index) const;
  /// The parameter's values, in the arena: read or write them between steps. Null for a bad index.
  float* parameter(uint32_t index);
  /// Its gradient buffer, null without accumulation.
  const float* gradient(uint32_t index) const;

  const WorkCounters& counters() const { return counters_; }
  void ResetCounters() { counters_ = {}; }
  const ErrorDetail& error() const { return error_; }
  const PlanReader& plan() const { return plan_; }

 private:
  // ...
  PlanReader plan_;
  TrainingOptions options_;
  WorkCounters counters_;
  ErrorDetail error_;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_TRAINER_H_
