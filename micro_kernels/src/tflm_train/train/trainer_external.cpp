// Training on another forward pass: linked only by firmware that has one.
#include "tflm_train/policies/finite.h"
#include "tflm_train/train/trainer.h"
#include "tflm_train/train/trainer_memory.h"

namespace tflm_train {

Status Trainer::InitWithForwardPass(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                                    size_t arena_size, void* program_memory, size_t program_memory_size,
                                    ForwardPass* forward) {
  Status status = Prepare(model, model_size, operators, arena, arena_size);
  if (status != Status::kOk) return status;
  if (forward == nullptr) return Fail(Status::kInvalidArgument, Subject::kForwardPass);
  if (reinterpret_cast<uintptr_t>(program_memory) % kAlignment != 0) {
    return Fail(Status::kMisaligned, Subject::kProgramMemory);
  }
  const ProgramRecord* train = plan_.program(ProgramKind::kTrain, ForwardKind::kTflm);
  if (train == nullptr) return Fail(Status::kNoProgram, Subject::kTflmProgram);
  status = Verify(*train);
  if (status != Status::kOk) return status;
  const ProgramRecord* from_cut = plan_.program(ProgramKind::kTrainFromCut, ForwardKind::kTflm);
  if (from_cut != nullptr) {
    status = Verify(*from_cut);
    if (status != Status::kOk) return status;
    if (from_cut->arena_bytes > train->arena_bytes || from_cut->output_elements != train->output_elements ||
        from_cut->first_operator == 0 || from_cut->forward_count > train->forward_count) {
      return Fail(Status::kPlanInvalid, Subject::kDifferentPrograms);
    }
  }
  train_ = train;
  infer_ = train;  // the forward pass keeps its tensors at one place
  const uint32_t persistent_bytes = plan_.defaults().persistent_bytes;
  const bool apart = program_memory != nullptr;
  status = CheckMemory(arena_size, persistent_bytes + (apart ? 0 : train->arena_bytes), Subject::kArena);
  if (status == Status::kOk && apart) {
    status = CheckMemory(program_memory_size, train->arena_bytes, Subject::kProgramMemory);
  }
  if (status != Status::kOk) return status;
  program_memory_ = apart ? static_cast<uint8_t*>(program_memory) : static_cast<uint8_t*>(arena) + persistent_bytes;
  forward_ = forward;
  run_forward_ = RunExternal;
  return Start(arena);
}

Status Trainer::RunBody(const float* input, const float** activation) {
  if (!ready()) return Status::kNotInitialized;
  const ProgramRecord* cut = plan_.program(ProgramKind::kTrainFromCut, ForwardKind::kTflm);
  if (cut == nullptr || run_forward_ == nullptr) return Fail(Status::kNoProgram, Subject::kCut);
  if (activation == nullptr) return Fail(Status::kInvalidArgument, Subject::kOutput);
  ProgramRecord body = *train_;  // without its end, which is the cut's program
  body.last_operator = static_cast<uint16_t>(cut->first_operator - 1);
  body.forward_count -= cut->forward_count;
  const Memory memory(*this, body, input);
  const Status status = RunForward(body, input, memory);
  if (status == Status::kOk) *activation = memory.Floats(cut->input_address);
  return status;
}

Status Trainer::StepFromCut(const float* activation, const Label& label, float weight, StepResult* result) {
  if (!ready()) return Status::kNotInitialized;
  const ProgramRecord* program = plan_.program(ProgramKind::kTrainFromCut, ForwardKind::kTflm);
  if (program == nullptr || run_forward_ == nullptr) return Fail(Status::kNoProgram, Subject::kCut);
  return RunWeightedStep(*program, activation, label, weight, result);
}

/// Operators between two hooks run in one go, together with those that have no step because their results are known.
Status Trainer::RunExternal(Trainer* trainer, const ProgramRecord& program, const float* input, const Memory& memory) {
  const PlanReader& plan = trainer->plan_;
  const auto type = static_cast<ScalarType>(plan.values(program)[program.input].type);
  void* place = memory.Floats(program.input_address);
  Status taken = Status::kOk;
  if (type == ScalarType::kFloat32) {
    taken = trainer->TakeInput(program, input, memory);
  } else if (place != input) {
    if (!AllFinite(input, program.input_elements)) return trainer->Fail(Status::kNonFinite, Subject::kInput);
    taken = trainer->forward_->StoreInput(input, program.input_elements, place);
  }
  if (taken != Status::kOk) return taken;
  const StepRecord* steps = plan.steps(program);
  uint32_t next = program.first_operator;
  uint32_t last = next;
  bool waiting = false;  // operators up to `last`
  for (uint32_t i = 0; i <= program.forward_count; ++i) {
    const bool end = i == program.forward_count;
    if (!end && static_cast<KernelId>(steps[i].kernel) == KernelId::kExternal) {
      last = plan.indices()[steps[i].operator_begin];
      waiting = true;
      continue;
    }
    if (end) last = program.last_operator;
    if ((waiting || end) && next <= last) {
      const Status status = trainer->forward_->Run(static_cast<uint16_t>(next), static_cast<uint16_t>(last));
      if (status != Status::kOk) return trainer->Fail(status, Subject::kForwardPass);
      next = last + 1;
      waiting = false;
    }
    if (end) break;
    const Operator& hook = trainer->operators_->At(static_cast<KernelId>(steps[i].kernel));
    hook.forward(StepView(steps[i], memory), trainer->counters_);
  }
  return Status::kOk;
}

}  // namespace tflm_train
