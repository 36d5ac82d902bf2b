// TensorFlow Lite Micro that learns: TFLM computes the forward pass, the trainer adds loss, backward pass and update.
//
// Header only, so that it is compiled where TFLM's headers are found. Works with TFLM since 2022-12, with and without
// TF_LITE_STATIC_MEMORY (which must be set as the TFLM library was built).
#ifndef TFLM_TRAIN_TFLM_TRAINABLE_INTERPRETER_H_
#define TFLM_TRAIN_TFLM_TRAINABLE_INTERPRETER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_op_resolver.h"
#include "tflm_train/tflm/guarded_arena.h"
#include "tflm_train/tflm/plan_allocator.h"
#include "tflm_train/tflm/plan_memory_planner.h"
#include "tflm_train/tflm/tflm_types.h"
#include "tflm_train/train/trainer.h"

namespace tflm_train {

/// What the arena holds, in bytes.
struct TflmMemory {
  size_t persistent;    // trainable weights, gradients and state: as planned
  size_t program;       // tensors, errors and scratch of the backward pass: as planned
  size_t tflm_scratch;  // scratch of TFLM's kernels, and tensors that training does not know
  size_t tflm_tail;     // TFLM's nodes, tensors and data of its kernels; grows down from the arena's end
  size_t total() const { return persistent + program + tflm_scratch + tflm_tail; }
};

/// One model that TFLM runs and the trainer trains. The model and the arena belong to the caller and must outlive it;
/// the resolver is needed during Init only.
class TrainableInterpreter final : private ForwardPass {
 public:
  TrainableInterpreter() = default;
  ~TrainableInterpreter() { Clear(); }
  TrainableInterpreter(const TrainableInterpreter&) = delete;
  TrainableInterpreter& operator=(const TrainableInterpreter&) = delete;

  /// Verifies the model and its plan, prepares TFLM's kernels, and loads the trainable weights into the arena.
  /// `model`: augmented .tflite, aligned to 16 bytes; `resolver`: TFLM's kernels for every operator of the model;
  /// `operators`: the library's kernels for the backward pass; `arena`: aligned to 16 bytes.
  /// After an error every call is refused with kNotInitialized, and `error()` tells more.
  Status Init(const void* model, size_t model_size, const tflite::MicroOpResolver& resolver,
              const OperatorSet& operators, void* arena, size_t arena_size);
  /// A temporary resolver would be gone before the model is prepared.
  Status Init(const void* model, size_t model_size, const tflite::MicroOpResolver&& resolver,
              const OperatorSet& operators, void* arena, size_t arena_size) = delete;

  /// The same calls as Trainer's. `input` may be input(). A model whose input is not of type float32 is given numbers
  /// too, which its scale turns into what it stores; or fill raw_input() and give input().
  /// Each starts from the states of recurrent layers that the model starts from, see KeepStates.
  Status Step(const float* input, const Label& label, StepResult* result = nullptr) {
    return Step(input, label, 1.0f, result);
  }
  Status Step(const float* input, const Label& label, float weight, StepResult* result = nullptr) {
    return Begin() ? trainer_.Step(input, label, weight, result) : Status::kNotInitialized;
  }
  Status Infer(const float* input, const float** output) {
    return Begin() ? trainer_.Infer(input, output) : Status::kNotInitialized;
  }
  Status Evaluate(const float* input, const Label& label, StepResult* result) {
    return Begin() ? trainer_.Evaluate(input, label, result) : Status::kNotInitialized;
  }
  Status Flush() { return Begin() ? trainer_.Flush() : Status::kNotInitialized; }
  Status Reset() { return Begin() ? trainer_.Reset() : Status::kNotInitialized; }

  /// Numbers at the plan's cut; 0: it has none, and the next two calls are refused with kNoProgram.
  uint32_t cut_elements() const;
  /// Runs what lies in front of the cut: `*activation` holds cut_elements() numbers, until the next call. For a body
  /// that is frozen: compute once per sample, keep, train many times.
  Status RunBody(const float* input, const float** activation) {
    return Begin() ? trainer_.RunBody(input, activation) : Status::kNotInitialized;
  }
  /// Trains on a stored activation: nothing in front of the cut runs. The same loss and weights as Step, bit for bit.
  /// `activation`: a copy of what RunBody gave (a pointer into the arena is refused).
  Status StepFromCut(const float* activation, const Label& label, StepResult* result = nullptr) {
    return StepFromCut(activation, label, 1.0f, result);
  }
  Status StepFromCut(const float* activation, const Label& label, float weight, StepResult* result = nullptr);
  /// Whether the states of recurrent layers go on from one call to the next, for a stream that is given piece by piece.
  /// At first they do not: each sample is a whole series.
  void KeepStates(bool keep) { keep_states_ = keep; }

  /// Memory of the model's input.
  float* input() { return static_cast<float*>(raw_input()); }
  void* raw_input();
  /// A tensor's value in the last pass, `tensor(i).floats()` of one of type float32. Without data if the plan does not
  /// keep it.
  TypedMemory tensor(int32_t index) const;

  /// Weights, options, counters and the plan. Use this class's Step and Infer, not the trainer's.
  Trainer& trainer() { return trainer_; }
  const Trainer& trainer() const { return trainer_; }
  const ErrorDetail& error() const { return error_.status == Status::kOk ? trainer_.error() : error_; }

  TflmMemory memory() const;
  /// The smallest arena with which Init succeeds, to 16 bytes.
  size_t arena_used_bytes() const;

 private:
  /// Gives access to what kernels are called with.
  class Interpreter : public tflite::MicroInterpreter {
   public:
    using tflite::MicroInterpreter::MicroInterpreter;
    TfLiteContext* mutable_context() { return const_cast<TfLiteContext*>(&context()); }
  };

  /// Starts a call: the error of the one before is forgotten, that of Init is kept.
  bool Begin() {
    if (ready_) error_ = {};
    return ready_;
  }
  Status Run(uint16_t first_operator, uint16_t last_operator) override;
  Status StoreInput(const float* input, uint32_t elements, void* stored) override;
  bool InvokeOperator(uint32_t index);

  Status PrepareTflm(const tflite::Model* model, const tflite::MicroOpResolver& resolver, size_t arena_size);
  Status CheckResolver(const tflite::Model& model, const tflite::MicroOpResolver& resolver);
  Status ReportAllocationFailure(size_t arena_size);
  bool OwnRegistrations(uint32_t operator_count);
  bool TensorsArePlaced(uint32_t tensor_count) const;
  Status RedirectWeights(const tflite::Model& model);
  const ProgramRecord& Whole() const { return *trainer_.plan().program(ProgramKind::kTrain, ForwardKind::kTflm); }
  const ProgramRecord* Cut() const;
  Status Fail(Status status, const char* what) { return error_.Set(status, what); }
  void Clear();

  Trainer trainer_;
  PlanMemoryPlanner planner_;
  std::optional<GuardedArena> tflm_arena_;
  std::optional<PlanAllocator> allocator_;
  std::optional<Interpreter> interpreter_;
  TensorPlacement placement_;
  uint8_t* program_memory_ = nullptr;
  size_t persistent_bytes_ = 0;
  ErrorDetail error_;
  bool has_states_ = false;
  bool keep_states_ = false;
  bool ready_ = false;
};

}  // namespace tflm_train

#include "tflm_train/tflm/trainable_interpreter_inl.h"

#endif  // TFLM_TRAIN_TFLM_TRAINABLE_INTERPRETER_H_
