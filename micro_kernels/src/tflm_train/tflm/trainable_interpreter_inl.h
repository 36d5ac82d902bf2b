// Definitions of TrainableInterpreter; include trainable_interpreter.h.
#ifndef TFLM_TRAIN_TFLM_TRAINABLE_INTERPRETER_INL_H_
#define TFLM_TRAIN_TFLM_TRAINABLE_INTERPRETER_INL_H_

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "tensorflow/lite/micro/micro_log.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tflm_train/tflm/trainable_interpreter.h"

namespace tflm_train {

// CMSIS-NN's kernels add up the weights of an int8 FULLY_CONNECTED when they are prepared, for cores with MVE.
#ifndef TFLM_TRAIN_TFLM_KEEPS_SUMS
#if defined(__ARM_FEATURE_MVE)
#define TFLM_TRAIN_TFLM_KEEPS_SUMS 1
#else
#define TFLM_TRAIN_TFLM_KEEPS_SUMS 0
#endif
#endif
inline constexpr bool kKernelsKeepSums = TFLM_TRAIN_TFLM_KEEPS_SUMS != 0;

inline Status TrainableInterpreter::Init(const void* model, size_t model_size, const tflite::MicroOpResolver& resolver,
                                         const OperatorSet& operators, void* arena, size_t arena_size) {
  Clear();
  // The plan is verified before TFLM, which trusts its input, reads the file.
  Status status = trainer_.InitWithForwardPass(model, model_size, operators, arena, arena_size, nullptr, 0, this);
  if (status != Status::kOk) return status;
  const PlanReader& plan = trainer_.plan();
  persistent_bytes_ = plan.defaults().persistent_bytes;
  program_memory_ = static_cast<uint8_t*>(arena) + persistent_bytes_;
  const ProgramRecord& program = *plan.program(ProgramKind::kTrain, ForwardKind::kTflm);
  placement_ = TensorPlacement(plan.values(program), program.value_count, program.arena_bytes);
  status = PrepareTflm(tflite::GetModel(model), resolver, arena_size);
  if (status != Status::kOk) {
    const ErrorDetail reason = error_;
    Clear();
    error_ = reason;
    return status;
  }
  ready_ = true;
  return Status::kOk;
}

inline Status TrainableInterpreter::PrepareTflm(const tflite::Model* model, const tflite::MicroOpResolver& resolver,
                                                size_t arena_size) {
  const Status found = CheckResolver(*model, resolver);
  if (found != Status::kOk) return found;
  const tflite::SubGraph& graph = *model->subgraphs()->Get(0);
  const size_t tail = sizeof(TflmNode) * graph.operators()->size() + sizeof(TfLiteEvalTensor) * graph.tensors()->size();
  const size_t least = persistent_bytes_ + placement_.program_bytes() + tail;
  if (arena_size < least) {
    error_.required_bytes = static_cast<uint32_t>(least);
    return Fail(Status::kArenaTooSmall, "arena without TFLM's share");
  }
  // Weights are loaded again if the kernels had to borrow their memory: Init then fails.
  tflm_arena_.emplace(program_memory_, arena_size - persistent_bytes_, program_memory_ - persistent_bytes_,
                      persistent_bytes_);
  allocator_.emplace(&*tflm_arena_, &planner_, placement_);
  interpreter_.emplace(model, resolver, &*allocator_);
  if (interpreter_->AllocateTensors() != kTfLiteOk || tflm_arena_->exhausted())
    return ReportAllocationFailure(arena_size);
  if (!OwnRegistrations(graph.operators()->size())) return ReportAllocationFailure(arena_size);
  tflm_arena_->Seal();
  has_states_ = false;
  for (const tflite::Tensor* tensor : *graph.tensors()) has_states_ = has_states_ || tensor->is_variable();
  if (!TensorsArePlaced(graph.tensors()->size())) return Fail(Status::kModelMismatch, "place of a tensor in TFLM");
  return RedirectWeights(*model);
}

/// Of an operator, from the two fields that files of different age write.
inline tflite::BuiltinOperator BuiltinOf(const tflite::Model& model, uint32_t index) {
  const tflite::Operator* node = model.subgraphs()->Get(0)->operators()->Get(index);
  const tflite::OperatorCode& code = *model.operator_codes()->Get(node->opcode_index());
  const auto old_code = static_cast<tflite::BuiltinOperator>(code.deprecated_builtin_code());
  return code.builtin_code() > old_code ? code.builtin_code() : old_code;
}

/// TFLM itself would tell the name to nobody but its printer.
inline Status TrainableInterpreter::CheckResolver(const tflite::Model& model, const tflite::MicroOpResolver& resolver) {
  for (uint32_t i = 0; i < model.subgraphs()->Get(0)->operators()->size(); ++i) {
    const tflite::BuiltinOperator builtin = BuiltinOf(model, i);
    if (builtin != tflite::BuiltinOperator_CUSTOM && resolver.FindOp(builtin) == nullptr) {
      MicroPrintf("tflm-train: the resolver has no %s; add it", tflite::EnumNameBuiltinOperator(builtin));
      return Fail(Status::kMissingOperator, tflite::EnumNameBuiltinOperator(builtin));
    }
  }
  return Status::kOk;
}

inline Status TrainableInterpreter::ReportAllocationFailure(size_t arena_size) {
  if (allocator_->layout_differs()) {
    return Fail(Status::kForwardFailed,
                "TF_LITE_STATIC_MEMORY is set for this code or for TFLM's library, not for both");
  }
  if (tflm_arena_->exhausted() || planner_.out_of_memory()) {
    const size_t used = persistent_bytes_ + placement_.program_bytes() + tflm_arena_->GetPersistentUsedBytes();
    const size_t least = used + tflm_arena_->missing_bytes();
    error_.required_bytes = static_cast<uint32_t>(least > arena_size ? least : arena_size + 1);
    return Fail(Status::kArenaTooSmall, "TFLM's share of the arena (required_bytes is a lower bound)");
  }
  if (planner_.failed_tensor() >= 0) return Fail(Status::kModelMismatch, "size of a tensor in TFLM");
  return Fail(Status::kForwardFailed, "AllocateTensors; TFLM has printed the reason");
}

/// Nodes point into the resolver. Their own copies let it go out of scope.
inline bool TrainableInterpreter::OwnRegistrations(uint32_t operator_count) {
  TflmNode* nodes = allocator_->nodes();
  for (uint32_t i = 0; i < operator_count; ++i) {
    const TflmRegistration* original = nodes[i].registration;
    const TflmRegistration* copy = nullptr;
    for (uint32_t j = 0; j < i && copy == nullptr; ++j) {
      if (std::memcmp(nodes[j].registration, original, sizeof *original) == 0) copy = nodes[j].registration;
    }
    if (copy == nullptr) {
      uint8_t* memory = tflm_arena_->AllocatePersistentBuffer(sizeof *original, alignof(TflmRegistration));
      if (memory == nullptr || tflm_arena_->exhausted()) return false;
      copy = new (memory) TflmRegistration(*original);
    }
    nodes[i].registration = copy;
  }
  return true;
}

/// TFLM keeps some tensors where no memory planner decides: those that the file calls variable.
inline bool TrainableInterpreter::TensorsArePlaced(uint32_t tensor_count) const {
  for (uint32_t i = 0; i < tensor_count; ++i) {
    const ValueRecord* value = placement_.Find(static_cast<int32_t>(i));
    if (value != nullptr && allocator_->tensors()[i].data.data != program_memory_ + value->offset) return false;
  }
  return true;
}

/// Kernels read the pointer at every call, so that they see the trainer's copy from now on.
inline Status TrainableInterpreter::RedirectWeights(const tflite::Model& model) {
  const uint32_t tensor_count = model.subgraphs()->Get(0)->tensors()->size();
  for (uint32_t i = 0; i < trainer_.parameter_count(); ++i) {
    const ParameterView parameter = trainer_.parameter(i);
    if (parameter.tensor >= tensor_count ||
        TypeInTflm(parameter.type) != allocator_->tensors()[parameter.tensor].type) {
      return Fail(Status::kModelMismatch, "type of a trainable tensor in TFLM");
    }
    if (kKernelsKeepSums && parameter.type == ScalarType::kInt8 &&
        BuiltinOf(model, trainer_.plan().parameter(i).operator_index) == tflite::BuiltinOperator_FULLY_CONNECTED) {
      return Fail(Status::kUnsupportedType,
                  "FULLY_CONNECTED in int8: for cores with MVE, TFLM's kernel keeps sums of the weights");
    }
    allocator_->tensors()[parameter.tensor].data.data = parameter.data;
  }
  return Status::kOk;
}

inline bool TrainableInterpreter::InvokeOperator(uint32_t index) {
  TflmNode& node = allocator_->nodes()[index];
  const TfLiteStatus status = node.registration->invoke(interpreter_->mutable_context(), &node.node);
  return allocator_->ResetTempAllocations() == kTfLiteOk && status == kTfLiteOk;
}

inline Status TrainableInterpreter::Run(uint16_t first_operator, uint16_t last_operator) {
  if (!ready_) return Status::kNotInitialized;
  if (first_operator == 0 && has_states_ && !keep_states_ && interpreter_->Reset() != kTfLiteOk) {
    return Status::kForwardFailed;
  }
  for (uint32_t i = first_operator; i <= last_operator; ++i) {
    if (!InvokeOperator(i)) return Status::kForwardFailed;
  }
  return Status::kOk;
}

/// As TFLM's QUANTIZE does.
inline Status TrainableInterpreter::StoreInput(const float* input, uint32_t elements, void* stored) {
  const TfLiteTensor& tensor = *interpreter_->input(0);
  const float scale = tensor.params.scale > 0.0f ? tensor.params.scale : 1.0f;
  const auto zero_point = static_cast<float>(tensor.params.zero_point);
  const auto write = [=](auto* to) {
    using Stored = std::remove_pointer_t<decltype(to)>;
    constexpr auto kLowest = static_cast<float>(std::numeric_limits<Stored>::min());
    constexpr auto kHighest = static_cast<float>(std::numeric_limits<Stored>::max());
    for (uint32_t i = 0; i < elements; ++i) {
      const float value = std::round(input[i] / scale) + zero_point;
      to[i] = static_cast<Stored>(value < kLowest ? kLowest : value > kHighest ? kHighest : value);
    }
    return Status::kOk;
  };
  switch (tensor.type) {
    case kTfLiteInt8:
      return write(static_cast<int8_t*>(stored));
    case kTfLiteUInt8:
      return write(static_cast<uint8_t*>(stored));
    default:
      return Fail(Status::kInvalidArgument, "input of this type: fill raw_input()");
  }
}

inline const ProgramRecord* TrainableInterpreter::Cut() const {
  return ready_ ? trainer_.plan().program(ProgramKind::kTrainFromCut, ForwardKind::kTflm) : nullptr;
}

inline uint32_t TrainableInterpreter::cut_elements() const {
  const ProgramRecord* cut = Cut();
  return cut == nullptr ? 0 : cut->input_elements;
}

inline Status TrainableInterpreter::StepFromCut(const float* activation, const Label& label, float weight,
                                                StepResult* result) {
  if (!Begin()) return Status::kNotInitialized;
  // What RunBody gave lies where the step keeps its tensors.
  const uintptr_t distance = reinterpret_cast<uintptr_t>(activation) - reinterpret_cast<uintptr_t>(program_memory_);
  if (distance < placement_.program_bytes()) return Fail(Status::kInvalidArgument, "activation in the arena: copy it");
  return trainer_.StepFromCut(activation, label, weight, result);
}

inline void* TrainableInterpreter::raw_input() {
  if (!ready_) return nullptr;
  const ProgramRecord& whole = Whole();
  return program_memory_ + trainer_.plan().values(whole)[whole.input].offset;
}

inline TypedMemory TrainableInterpreter::tensor(int32_t index) const {
  const ValueRecord* value = ready_ ? placement_.Find(index) : nullptr;
  if (value == nullptr) return {};
  return {static_cast<ScalarType>(value->type), Elements(*value), program_memory_ + value->offset,
          trainer_.plan().Quantization(value->quantization)};
}

inline TflmMemory TrainableInterpreter::memory() const {
  if (!ready_) return {};
  const size_t program = placement_.program_bytes();
  return {persistent_bytes_, program, tflm_arena_->GetNonPersistentUsedBytes() - program,
          tflm_arena_->GetPersistentUsedBytes()};
}

inline size_t TrainableInterpreter::arena_used_bytes() const {
  if (!ready_) return 0;
  const size_t most = persistent_bytes_ + tflm_arena_->most_used_bytes();
  return most > memory().total() ? most : memory().total();
}

inline void TrainableInterpreter::Clear() {
  ready_ = false;
  interpreter_.reset();
  allocator_.reset();
  tflm_arena_.reset();
  trainer_ = Trainer();
  error_ = {};
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TFLM_TRAINABLE_INTERPRETER_INL_H_
