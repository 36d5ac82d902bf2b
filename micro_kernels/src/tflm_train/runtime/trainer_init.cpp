// Init, Reset, options and access to parameters.
#include <cstring>

#include "tflm_train/runtime/trainer.h"

namespace tflm_train {
namespace {

constexpr uint32_t kFloatBytes = sizeof(float);

bool IsAligned(const void* memory) { return reinterpret_cast<uintptr_t>(memory) % kAlignment == 0; }

}  // namespace

Status Trainer::Init(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                     size_t arena_size) {
  Status status = Prepare(model, model_size, operators, arena, arena_size);
  if (status != Status::kOk) return status;
  const ProgramRecord* train = plan_.program(ProgramKind::kTrain, ForwardKind::kNative);
  const ProgramRecord* infer = plan_.program(ProgramKind::kInfer, ForwardKind::kNative);
  if (train == nullptr || infer == nullptr) return Fail(Status::kNoProgram, "native");
  status = Verify(*train);
  if (status != Status::kOk) return status;
  status = Verify(*infer);
  if (status != Status::kOk) return status;
  const auto ends_differ = [&](uint16_t a, uint16_t b) {
    return plan_.values(*train)[a].bytes != plan_.values(*infer)[b].bytes;
  };
  if (ends_differ(train->input, infer->input) || ends_differ(train->output, infer->output)) {
    return Fail(Status::kPlanInvalid, "programs of different models");
  }
  train_ = train;
  infer_ = infer;
  status = CheckMemory(arena_size, 0);
  if (status != Status::kOk) return status;
  program_memory_ = static_cast<uint8_t*>(arena) + plan_.defaults().persistent_bytes;
  return Start(arena);
}

Status Trainer::InitWithForwardPass(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                                    size_t arena_size, void* program_memory, size_t program_memory_size,
                                    ForwardPass* forward) {
  Status status = Prepare(model, model_size, operators, arena, arena_size);
  if (status != Status::kOk) return status;
  if (forward == nullptr) return Fail(Status::kInvalidArgument, "forward pass");
  if (!IsAligned(program_memory)) return Fail(Status::kMisaligned, "program memory");
  const ProgramRecord* train = plan_.program(ProgramKind::kTrain, ForwardKind::kTflm);
  if (train == nullptr) return Fail(Status::kNoProgram, "tflm");
  status = Verify(*train);
  if (status != Status::kOk) return status;
  train_ = train;
  infer_ = train;  // the forward pass keeps its tensors at one place
  program_memory_ = static_cast<uint8_t*>(program_memory);
  status = CheckMemory(arena_size, program_memory_size);
  if (status != Status::kOk) return status;
  if (program_memory == nullptr) program_memory_ = static_cast<uint8_t*>(arena) + plan_.defaults().persistent_bytes;
  forward_ = forward;
  return Start(arena);
}

Status Trainer::Prepare(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                        size_t arena_size) {
  *this = Trainer();
  if (arena == nullptr && arena_size > 0) return Fail(Status::kInvalidArgument, "arena");
  if (!IsAligned(arena)) return Fail(Status::kMisaligned, "arena");
  operators_ = &operators;
  return plan_.Load(model, model_size, &error_);
}

Status Trainer::Verify(const ProgramRecord& program) { return plan_.VerifyProgram(program, *operators_, &error_); }

Status Trainer::CheckMemory(size_t arena_size, size_t program_memory_size) {
  const uint32_t program_bytes = train_->arena_bytes > infer_->arena_bytes ? train_->arena_bytes : infer_->arena_bytes;
  const bool apart = program_memory_ != nullptr;
  const uint32_t required = plan_.defaults().persistent_bytes + (apart ? 0 : program_bytes);
  if (arena_size < required) {
    error_.required_bytes = required;
    return Fail(Status::kArenaTooSmall, "arena");
  }
  if (apart && program_memory_size < program_bytes) {
    error_.required_bytes = program_bytes;
    return Fail(Status::kArenaTooSmall, "program memory");
  }
  return Status::kOk;
}

Status Trainer::Start(void* arena) {
  arena_ = static_cast<uint8_t*>(arena);
  options_ = OptionsOf(plan_.defaults());
  return Reset();
}

Status Trainer::Reset() {
  if (!ready()) return Status::kNotInitialized;
  std::memset(arena_, 0, plan_.defaults().persistent_bytes);  // gradients and states start from zero
  LoadParameters();
  pending_ = 0;
  ResetCounters();
  return Status::kOk;
}

void Trainer::LoadParameters() {
  for (uint32_t i = 0; i < plan_.parameter_count(); ++i) {
    const ParameterRecord& parameter = plan_.parameter(i);
    std::memcpy(arena_ + parameter.arena_offset, plan_.Constant(parameter.tensor), parameter.elements * kFloatBytes);
  }
}

Status Trainer::SetOptions(const TrainingOptions& options) {
  if (!ready()) return Status::kNotInitialized;
  const Status status = CheckOptions(plan_, options);
  if (status != Status::kOk) return Fail(status, "options");
  if (options.accumulate != options_.accumulate) Flush();
  options_ = options;
  return Status::kOk;
}

uint32_t Trainer::input_elements() const {
  return ready() ? plan_.values(*train_)[train_->input].bytes / kFloatBytes : 0;
}

uint32_t Trainer::output_elements() const {
  return ready() ? plan_.values(*train_)[train_->output].bytes / kFloatBytes : 0;
}

uint32_t Trainer::parameter_count() const { return ready() ? plan_.parameter_count() : 0; }

uint32_t Trainer::parameter_elements(uint32_t index) const {
  return index < parameter_count() ? plan_.parameter(index).elements : 0;
}

uint32_t Trainer::parameter_tensor(uint32_t index) const {
  return index < parameter_count() ? plan_.parameter(index).tensor : 0;
}

float* Trainer::parameter(uint32_t index) {
  return index < parameter_count() ? Persistent(plan_.parameter(index).arena_offset) : nullptr;
}

const float* Trainer::gradient(uint32_t index) const {
  if (index >= parameter_count() || plan_.parameter(index).gradient_offset == kNoneOffset) return nullptr;
  return Persistent(plan_.parameter(index).gradient_offset);
}

}  // namespace tflm_train
