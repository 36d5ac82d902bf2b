// Init, Reset, options and access to parameters.
#include <cstring>

#include "tflm_train/base/float_bits.h"
#include "tflm_train/policies/accumulation.h"
#include "tflm_train/policies/clipping.h"
#include "tflm_train/policies/storage.h"
#include "tflm_train/train/program_verifier.h"
#include "tflm_train/train/trainer.h"

namespace tflm_train {
namespace {

bool IsAligned(const void* memory) { return reinterpret_cast<uintptr_t>(memory) % kAlignment == 0; }

/// Integers are the update's business, which looks at each.
TFLM_TRAIN_COLD bool TrainsFloats(const PlanReader& plan) {
  for (uint32_t i = 0; i < plan.parameter_count(); ++i) {
    if (plan.parameter(i).type != static_cast<uint8_t>(ScalarType::kFloat32)) return false;
  }
  return true;
}

}  // namespace

Status Trainer::Init(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                     size_t arena_size) {
  const Status status = Prepare(model, model_size, operators, arena, arena_size);
  return status == Status::kOk ? InitNative(ProgramKind::kTrain, ProgramKind::kInfer, arena, arena_size) : status;
}

Status Trainer::InitNative(ProgramKind train_kind, ProgramKind infer_kind, void* arena, size_t arena_size) {
  const ProgramRecord* train = plan_.program(train_kind, ForwardKind::kNative);
  const ProgramRecord* infer = plan_.program(infer_kind, ForwardKind::kNative);
  if (train == nullptr || infer == nullptr) {
    const bool behind_cut = plan_.program(ProgramKind::kTrainFromCut, ForwardKind::kNative) != nullptr;
    return Fail(behind_cut ? Status::kBodyNeedsTflm : Status::kNoProgram, Subject::kNativeProgram);
  }
  Status status = Verify(*train);
  if (status != Status::kOk) return status;
  status = Verify(*infer);
  if (status != Status::kOk) return status;
  if (train->input_elements != infer->input_elements || train->output_elements != infer->output_elements) {
    return Fail(Status::kPlanInvalid, Subject::kDifferentPrograms);
  }
  train_ = train;
  infer_ = infer;
  const uint32_t persistent_bytes = plan_.defaults().persistent_bytes;
  const uint32_t program_bytes = train->arena_bytes > infer->arena_bytes ? train->arena_bytes : infer->arena_bytes;
  status = CheckMemory(arena_size, persistent_bytes + program_bytes, Subject::kArena);
  if (status != Status::kOk) return status;
  program_memory_ = static_cast<uint8_t*>(arena) + persistent_bytes;
  return Start(arena);
}

Status Trainer::Prepare(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                        size_t arena_size) {
  // All that is not set on the way to Start; until then the trainer is not ready.
  arena_ = nullptr;
  program_memory_ = nullptr;
  forward_ = nullptr;
  run_forward_ = nullptr;
  error_ = {};
  if (arena == nullptr && arena_size > 0) return Fail(Status::kInvalidArgument, Subject::kArena);
  if (!IsAligned(arena)) return Fail(Status::kMisaligned, Subject::kArena);
  operators_ = &operators;
  const Status status = plan_.Load(model, model_size, &error_);
  if (status != Status::kOk) return status;
  const DefaultsRecord& defaults = plan_.defaults();
  // others read what it verifies
  if (plan_.quantization_count() > 0 && Need<Storage>(StorageId::kQuantized) == nullptr) return error_.status;
  // what is missing of these is told at the end
  loss_ = Need<Loss>(static_cast<LossId>(defaults.loss));
  optimizer_ = Chosen<Optimizer>(static_cast<OptimizerId>(defaults.optimizer));
  update_ = Chosen<Update>(static_cast<UpdateId>(defaults.update));
  if (defaults.update == static_cast<uint16_t>(UpdateId::kFloat) && !TrainsFloats(plan_)) {
    return Fail(Status::kUnsupportedType, Subject::kParameter);
  }
  return FindPolicies(defaults.options);
}

/// A policy that the plan or the options name. Null: it is missing, or the plan has not what it needs; `error_` says
/// so, and stays as it is otherwise.
const Policy* Trainer::Need(uint32_t key) {
  const Policy* policy = operators_->FindPolicy(key);
  Finding finding = Found(Status::kMissingOperator, SubjectOf(Policy::KindOf(key)));
  if (policy != nullptr) finding = policy->verify == nullptr ? Finding::kNothing : policy->verify(*policy, plan_);
  if (finding == Finding::kNothing) return policy;
  error_.Set(finding);
  return nullptr;
}

/// The same where number 0 is the absence of a policy.
const Policy* Trainer::Chosen(uint32_t key) { return (key & 0xFFFFu) == 0 ? nullptr : Need(key); }

/// Those that options name; if one is missing, now or before, they stay as they were.
Status Trainer::FindPolicies(const TrainingOptions& options) {
  const Selector* selector = Chosen<Selector>(SelectorOf(options));
  const Gate* gate = Chosen<Gate>(GateOf(options));
  const Gate* first = Chosen<Clipping>(BitsOf(options.clip) == 0 ? ClippingId::kNone : ClippingId::kNorm);
  Chosen<Accumulation>(options.accumulate > 1 ? AccumulationId::kMean : AccumulationId::kNone);
  if (error_.status == Status::kOk) {
    selector_ = selector;
    chosen_ = gate;
    gate_ = first == nullptr ? gate : first;
  }
  return error_.status;
}

Status Trainer::Verify(const ProgramRecord& program) {
  return error_.Set(VerifyProgram(plan_, program, *operators_, &error_.step));
}

Status Trainer::CheckMemory(size_t size, uint32_t required, Subject memory) {
  if (size >= required) return Status::kOk;
  error_.required_bytes = required;
  return Fail(Status::kArenaTooSmall, memory);
}

Status Trainer::Start(void* arena) {
  arena_ = static_cast<uint8_t*>(arena);
  options_ = plan_.defaults().options;
  FindConstants();
  return Reset();
}

Status Trainer::Reset() {
  if (!ready()) return Status::kNotInitialized;
  std::memset(arena_, 0, plan_.defaults().constants_offset);  // gradients and states start from zero
  LoadParameters();
  pending_ = 0;
  ResetCounters();
  return Status::kOk;
}

void Trainer::FindConstants() {
  const DefaultsRecord& defaults = plan_.defaults();
  auto* places = reinterpret_cast<uint32_t*>(arena_ + defaults.constants_offset);
  for (uint32_t i = 0; i < defaults.constant_count; ++i) {
    // One that the file does not hold is read by no program that passes the verification.
    const uint8_t* data = plan_.Constant(plan_.constant(i));
    places[i] = data == nullptr ? 0 : static_cast<uint32_t>(data - plan_.model().data());
  }
}

void Trainer::LoadParameters() {
  for (uint32_t i = 0; i < plan_.parameter_count(); ++i) {
    const ParameterRecord& parameter = plan_.parameter(i);
    std::memcpy(arena_ + parameter.arena_offset, plan_.Constant(parameter.tensor), ParameterBytes(parameter));
  }
}

Status Trainer::SetOptions(const TrainingOptions& options) {
  if (!ready()) return Status::kNotInitialized;
  Status status = CheckOptions(plan_, options);
  if (status != Status::kOk) return Fail(status, Subject::kOptions);
  error_.status = Status::kOk;
  status = FindPolicies(options);
  if (status != Status::kOk) return status;
  if (options.accumulate != options_.accumulate) Flush();
  if (GateOf(options) != GateOf(options_)) {
    std::memset(Persistent(plan_.gate_state_offset()), 0, plan_.defaults().gate_state_bytes);
  }
  options_ = options;
  return Status::kOk;
}

uint32_t Trainer::input_elements() const { return ready() ? train_->input_elements : 0; }

uint32_t Trainer::output_elements() const { return ready() ? train_->output_elements : 0; }

ScalarType Trainer::input_type() const { return ready() ? TypeOf(train_->input) : ScalarType::kFloat32; }

ScalarType Trainer::output_type() const { return ready() ? TypeOf(train_->output) : ScalarType::kFloat32; }

ScalarType Trainer::TypeOf(uint16_t value) const { return static_cast<ScalarType>(plan_.values(*train_)[value].type); }

uint32_t Trainer::classes() const { return ready() ? plan_.defaults().classes : 0; }

uint32_t Trainer::parameter_count() const { return ready() ? plan_.parameter_count() : 0; }

ParameterView Trainer::parameter(uint32_t index) {
  ParameterView view;
  if (index >= parameter_count()) return view;
  const ParameterRecord& record = plan_.parameter(index);
  view.type = static_cast<ScalarType>(record.type);
  view.elements = record.elements;
  view.data = arena_ + record.arena_offset;
  view.quantization = plan_.Quantization(record.quantization);
  view.tensor = record.tensor;
  if (record.remainder_offset != kNoneOffset) {
    view.remainder = reinterpret_cast<int8_t*>(arena_ + record.remainder_offset);
  }
  return view;
}

const float* Trainer::gradient(uint32_t index) const {
  if (index >= parameter_count() || plan_.parameter(index).gradient_offset == kNoneOffset) return nullptr;
  return Persistent(plan_.parameter(index).gradient_offset);
}

}  // namespace tflm_train
