#include "tflm_train/runtime/program_verifier.h"

namespace tflm_train {
namespace {

// By ScalarType.
constexpr uint8_t kTypeBytes[] = {4, 1, 1, 2, 4, 4};

bool IsArena(const ValueRecord& value) { return value.place == static_cast<uint8_t>(Place::kArena); }
bool HasRole(const ValueRecord& value, Role role) { return value.role == static_cast<uint8_t>(role); }
/// Holds positions: no other value may lie there at any time of its life.
bool HoldsPositions(const ValueRecord& value) { return HasRole(value, Role::kSaved) || HasRole(value, Role::kScratch); }
bool IsFloat(const ValueRecord& value) { return value.type == static_cast<uint8_t>(ScalarType::kFloat32); }

bool Within(uint32_t begin, uint32_t count, uint32_t size) { return begin <= size && count <= size - begin; }

/// For operators' checks, which look at shapes only.
class NoMemory final : public MemoryMap {
 public:
  void* Resolve(const ValueRecord&) const override { return nullptr; }
};

}  // namespace

Status ProgramVerifier::Verify(const OperatorSet& operators) {
  if (!EndsFit()) return error_.Set(Status::kPlanInvalid, "program");
  for (uint32_t i = 0; i < program_.value_count; ++i) {
    if (!ValueFits(values_[i])) return error_.Set(Status::kPlanInvalid, "value");
  }
  for (uint32_t i = 0; i < program_.value_count; ++i) {
    if (!AliasFits(values_[i])) return error_.Set(Status::kPlanInvalid, "alias of a value");
  }
  if (!LossFits()) return error_.Set(Status::kPlanInvalid, "input, output or loss of a program");
  if (!MemoryIsDisjoint()) return error_.Set(Status::kPlanInvalid, "overlap of values");
  next_operator_ = program_.first_operator;
  for (uint32_t i = 0; i < program_.forward_count + program_.backward_count; ++i) {
    const Status status = VerifyStep(i, operators);
    if (status != Status::kOk) return status;
  }
  return Status::kOk;
}

bool ProgramVerifier::EndsFit() const {
  const bool train = program_.kind == static_cast<uint16_t>(ProgramKind::kTrain);
  return program_.kind <= static_cast<uint16_t>(ProgramKind::kTrain) &&
         program_.forward_kind <= static_cast<uint16_t>(ForwardKind::kTflm) && program_.input < program_.value_count &&
         program_.output < program_.value_count && program_.first_operator <= program_.last_operator &&
         program_.last_operator < plan_.model().operator_count() && (train || program_.backward_count == 0) &&
         (!train || (program_.loss_input < program_.value_count && program_.loss_error < program_.value_count));
}

bool ProgramVerifier::LossFits() const {
  const ValueRecord& input = values_[program_.input];
  const ValueRecord& output = values_[program_.output];
  const uint32_t time = program_.forward_count;
  if (!IsFloat(input) || !IsFloat(output) || (IsArena(input) && !LivesAt(input, 0)) ||
      (IsArena(output) && !LivesAt(output, time))) {
    return false;
  }
  if (input.place != static_cast<uint8_t>(Place::kInput) && !IsArena(input)) return false;
  if (program_.kind != static_cast<uint16_t>(ProgramKind::kTrain)) return true;
  const ValueRecord& read = values_[program_.loss_input];
  const ValueRecord& error = values_[program_.loss_error];
  return IsFloat(read) && IsFloat(error) && IsArena(error) && HasRole(error, Role::kError) && LivesAt(error, time) &&
         (!IsArena(read) || LivesAt(read, time)) && read.bytes == error.bytes && read.bytes == output.bytes;
}

bool ProgramVerifier::ValueFits(const ValueRecord& value) const {
  if (value.type > static_cast<uint8_t>(ScalarType::kInt32) || value.role > static_cast<uint8_t>(Role::kWeight) ||
      value.rank < 1 || value.rank > kMaxRank || value.first_step > value.last_step) {
    return false;
  }
  if (value.tensor != -1 && (value.tensor < 0 || static_cast<uint32_t>(value.tensor) >= plan_.model().tensor_count())) {
    return false;
  }
  uint64_t elements = 1;
  for (uint32_t i = 0; i < value.rank; ++i) {
    if (value.dims[i] < 1) return false;
    elements *= static_cast<uint32_t>(value.dims[i]);
    if (elements > INT32_MAX) return false;
  }
  const uint64_t bytes = elements * kTypeBytes[value.type];
  if (HasRole(value, Role::kScratch) ? value.bytes < bytes : value.bytes != bytes) return false;
  return PlaceFits(value, static_cast<uint32_t>(elements));
}

bool ProgramVerifier::PlaceFits(const ValueRecord& value, uint32_t elements) const {
  switch (static_cast<Place>(value.place)) {
    case Place::kArena:
      return value.offset % kAlignment == 0 && Within(value.offset, value.bytes, program_.arena_bytes);
    case Place::kInput: {
      const ValueRecord& input = values_[program_.input];
      return input.place == value.place && IsFloat(value) && value.bytes == input.bytes;
    }
    case Place::kParameter:
      return value.offset < plan_.parameter_count() && IsFloat(value) &&
             plan_.parameter(value.offset).elements == elements;
    case Place::kConstant: {
      TensorView tensor;
      FileBytes data;
      ScalarType type = ScalarType::kFloat32;
      uint32_t size = 0;
      return plan_.model().Tensor(value.offset, &tensor) && plan_.model().TensorSize(tensor, &type, &size) &&
             plan_.model().Buffer(tensor.buffer, &data) && static_cast<uint8_t>(type) == value.type &&
             size == elements && data.size >= value.bytes &&
             reinterpret_cast<uintptr_t>(data.data) % kTypeBytes[value.type] == 0;
    }
  }
  return false;
}

/// An alias names the owner of its memory and lies inside it, in space and in time.
bool ProgramVerifier::AliasFits(const ValueRecord& value) const {
  if (value.alias == kNoneIndex) return true;
  if (value.alias >= program_.value_count) return false;
  const ValueRecord& owner = values_[value.alias];
  if (owner.alias != kNoneIndex || owner.place != value.place || HoldsPositions(owner) || HoldsPositions(value)) {
    return false;
  }
  if (!IsArena(value)) return owner.offset == value.offset;
  return value.offset >= owner.offset && value.offset - owner.offset <= owner.bytes &&
         value.bytes <= owner.bytes - (value.offset - owner.offset) && owner.first_step <= value.first_step &&
         value.last_step <= owner.last_step;
}

/// No two owners of memory share a byte while both live.
bool ProgramVerifier::MemoryIsDisjoint() const {
  for (uint32_t i = 0; i < program_.value_count; ++i) {
    const ValueRecord& a = values_[i];
    if (!IsArena(a) || a.alias != kNoneIndex) continue;
    for (uint32_t j = 0; j < i; ++j) {
      const ValueRecord& b = values_[j];
      if (!IsArena(b) || b.alias != kNoneIndex) continue;
      const bool meet = a.first_step <= b.last_step && b.first_step <= a.last_step;
      if (meet && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes) return false;
    }
  }
  return true;
}

Status ProgramVerifier::VerifyStep(uint32_t index, const OperatorSet& operators) {
  const StepRecord& step = plan_.steps(program_)[index];
  const auto where = static_cast<uint16_t>(index);
  const bool backward = index >= program_.forward_count;
  const auto kernel_id = static_cast<KernelId>(step.kernel);
  const auto phase = static_cast<Phase>(step.phase);
  const bool phase_fits = backward                   ? phase == Phase::kBackward
                          : phase == Phase::kForward ? IsTflm() == (kernel_id == KernelId::kExternal)
                                                     : phase == Phase::kHook && IsTflm();
  if (!phase_fits || !RangesFit(step)) return error_.Set(Status::kPlanInvalid, "step", where);
  if (phase == Phase::kForward && IsTflm()) {
    return ExternalStepFits(step) ? Status::kOk : error_.Set(Status::kPlanInvalid, "EXTERNAL", where);
  }
  const KernelArguments* kernel = FindKernelArguments(kernel_id);
  if (kernel == nullptr) return error_.Set(Status::kMissingOperator, "kernel unknown to this release", where);
  const Operator* op = operators.Find(kernel_id);
  if (op == nullptr || (backward && op->backward == nullptr)) {
    return error_.Set(Status::kMissingOperator, kernel->name, where);
  }
  if (!ArgumentsFit(step, TimeOf(index), *kernel)) return error_.Set(Status::kPlanInvalid, kernel->name, where);
  const Status status = op->check(plan_.View(program_, index, NoMemory()));
  if (status != Status::kOk) return error_.Set(status, kernel->name, where);
  if (backward && step.layer != kNoneIndex && !LayerFits(step, *kernel)) {
    return error_.Set(Status::kPlanInvalid, kernel->name, where);
  }
  return Status::kOk;
}

bool ProgramVerifier::RangesFit(const StepRecord& step) const {
  if (step.value_count > kMaxOperatorValues || !Within(step.value_begin, step.value_count, plan_.index_count()) ||
      !Within(step.operator_begin, step.operator_count, plan_.index_count()) ||
      !Within(step.word_begin, step.word_count, plan_.word_count())) {
    return false;
  }
  const uint16_t* values = plan_.indices() + step.value_begin;
  for (uint32_t i = 0; i < step.value_count; ++i) {
    if (values[i] != kNoneIndex && values[i] >= program_.value_count) return false;
  }
  const uint16_t* operators = plan_.indices() + step.operator_begin;
  for (uint32_t i = 0; i < step.operator_count; ++i) {
    if (operators[i] >= plan_.model().operator_count()) return false;
  }
  return true;
}

/// One operator of the interpreter, behind the one before.
bool ProgramVerifier::ExternalStepFits(const StepRecord& step) {
  if (step.operator_count != 1) return false;
  const uint32_t op = plan_.indices()[step.operator_begin];
  if (op < next_operator_ || op > program_.last_operator) return false;
  next_operator_ = op + 1;
  return true;
}

bool ProgramVerifier::ArgumentsFit(const StepRecord& step, uint32_t time, const KernelArguments& kernel) const {
  const bool backward = step.phase == static_cast<uint8_t>(Phase::kBackward);
  const uint32_t written = backward ? kernel.backward_written : kernel.forward_written;
  const uint32_t winners = backward ? kernel.backward_winners : kernel.forward_winners;
  const uint32_t list = backward ? kernel.backward_list : 0;
  const uint16_t* values = plan_.indices() + step.value_begin;
  for (uint32_t i = 0; i < step.value_count; ++i) {
    if (values[i] == kNoneIndex) continue;
    const ValueRecord& value = values_[values[i]];
    const bool is_winners = KernelArguments::Has(winners, i), is_list = KernelArguments::Has(list, i);
    if (IsArena(value) ? !LivesAt(value, time) : KernelArguments::Has(written, i)) return false;
    if (is_winners != HasRole(value, Role::kSaved) || is_list != HasRole(value, Role::kScratch)) return false;
  }
  return true;
}

/// The step's weight, channels and list are those of the layer that it trains.
bool ProgramVerifier::LayerFits(const StepRecord& step, const KernelArguments& kernel) const {
  if (kernel.backward_list == 0 || step.layer >= plan_.layer_count()) return false;
  const LayerRecord& layer = plan_.layer(step.layer);
  const uint16_t* values = plan_.indices() + step.value_begin;  // present: the operator's check has seen them
  const ValueRecord& weight = values_[values[layer_argument::kWeight]];
  const ValueRecord& error = values_[values[layer_argument::kOutputError]];
  const uint16_t list = values[layer_argument::kList];
  if (layer.weight != kNoneIndex &&
      (weight.place != static_cast<uint8_t>(Place::kParameter) || weight.offset != layer.weight)) {
    return false;
  }
  const auto channels = static_cast<uint32_t>(error.dims[error.rank - 1]);
  if (layer.bias != kNoneIndex && plan_.parameter(layer.bias).elements != channels) return false;
  if (layer.candidates != Elements(error)) return false;
  return layer.max_selected == 0 ||
         (list != kNoneIndex && values_[list].bytes >= uint64_t{layer.max_selected} * IndexBytes(layer.candidates));
}

}  // namespace tflm_train
