#include "tflm_train/train/program_verifier.h"

#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/policies/storage.h"

namespace tflm_train {
namespace {

bool IsArena(const ValueRecord& value) { return value.place == static_cast<uint8_t>(Place::kArena); }
bool HasRole(const ValueRecord& value, Role role) { return value.role == static_cast<uint8_t>(role); }
/// Holds positions or keys: no other value may lie there at any time of its life.
bool IsExclusive(const ValueRecord& value) { return HasRole(value, Role::kWinners) || HasRole(value, Role::kScratch); }
bool IsFloat(const ValueRecord& value) { return value.type == static_cast<uint8_t>(ScalarType::kFloat32); }
/// An arena value is there at a time; others always are.
TFLM_TRAIN_COLD bool IsThere(const ValueRecord& value, uint32_t time) {
  return !IsArena(value) || (value.first_step <= time && time <= value.last_step);
}

bool Within(uint32_t begin, uint32_t count, uint32_t size) { return begin <= size && count <= size - begin; }

/// For operators' checks, which look at shapes only.
class NoMemory final : public ProgramView {
 public:
  NoMemory(const PlanReader& plan, const ValueRecord* values) : ProgramView(values, plan.indices(), plan.words()) {}

 private:
  void* File(uint32_t) const override { return nullptr; }
};

class ProgramVerifier {
 public:
  ProgramVerifier(const PlanReader& plan, const ProgramRecord& program)
      : plan_(plan), program_(program), values_(plan.values(program)), next_operator_(program.first_operator) {}

  /// `storage`: of the plan's records, null without any.
  TFLM_TRAIN_COLD Finding VerifyValues(const Storage* storage) const {
    if (!EndsFit()) return Invalid(Subject::kEnds);
    for (uint32_t i = 0; i < program_.value_count; ++i) {
      if (!ValueFits(values_[i])) return Invalid(Subject::kValue);
      if (values_[i].quantization != kNoneIndex && (storage == nullptr || !storage->value_fits(plan_, values_[i]))) {
        return Invalid(Subject::kQuantization);
      }
      if (!AliasFits(values_[i])) return Invalid(Subject::kAlias);
      if (!IsAlone(i)) return Invalid(Subject::kOverlap);
    }
    return EndsAreDescribed() ? Finding::kNothing : Invalid(Subject::kEnds);
  }

  TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE Finding VerifyStep(uint32_t index, const OperatorSet& operators) {
    const StepRecord& step = plan_.steps(program_)[index];
    const bool external = step.kernel == static_cast<uint16_t>(KernelId::kExternal);
    const bool tflm = program_.forward_kind == static_cast<uint16_t>(ForwardKind::kTflm);
    Phase phase = tflm && !external ? Phase::kHook : Phase::kForward;
    if (index >= program_.forward_count) phase = Phase::kBackward;
    if (step.phase != static_cast<uint8_t>(phase) || !RangesFit(step) ||
        (phase == Phase::kForward && external && !tflm)) {
      return Invalid(Subject::kStep);
    }
    const Status status =
        phase == Phase::kForward && tflm ? CheckExternalStep(step) : CheckStep(step, index, operators);
    return status == Status::kOk ? Finding::kNothing : Found(status, SubjectOf(step.kernel));
  }

 private:
  /// Input, output and loss are floats that are there when they are read or written.
  TFLM_TRAIN_COLD bool EndsFit() const {
    const uint32_t time = program_.forward_count;
    if (program_.forward_kind > static_cast<uint16_t>(ForwardKind::kTflm) ||
        program_.kind > static_cast<uint16_t>(ProgramKind::kAlign) ||
        program_.first_operator > program_.last_operator || program_.last_operator >= plan_.model().operator_count() ||
        !InputFits() || values_[program_.input].place > static_cast<uint8_t>(Place::kInput) ||
        !EndFits(program_.output, time) || !EndFits(program_.loss_input, time)) {
      return false;
    }
    if (!Trains()) return program_.backward_count == 0;
    if (!EndFits(program_.loss_error, time)) return false;
    const ValueRecord& error = values_[program_.loss_error];
    return IsArena(error) && HasRole(error, Role::kError);
  }

  bool Trains() const {
    return program_.kind == static_cast<uint16_t>(ProgramKind::kTrain) ||
           program_.kind == static_cast<uint16_t>(ProgramKind::kTrainFromCut);
  }

  /// Of another type it is the interpreter's business.
  TFLM_TRAIN_COLD bool InputFits() const {
    const bool tflm = program_.forward_kind == static_cast<uint16_t>(ForwardKind::kTflm);
    return program_.input < program_.value_count && (tflm || IsFloat(values_[program_.input])) &&
           IsThere(values_[program_.input], 0);
  }

  TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE bool EndFits(uint32_t index, uint32_t time) const {
    return index < program_.value_count && IsFloat(values_[index]) && IsThere(values_[index], time);
  }

  /// Their addresses and sizes are those of the values, which have passed.
  TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE bool EndsAreDescribed() const {
    return IsDescribed(program_.input, program_.input_address, program_.input_elements) &&
           IsDescribed(program_.output, program_.output_address, program_.output_elements) &&
           IsDescribed(program_.loss_input, program_.loss_input_address, program_.output_elements) &&
           program_.output_elements % plan_.defaults().classes == 0 &&
           (!Trains() || IsDescribed(program_.loss_error, program_.loss_error_address, program_.output_elements));
  }

  TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE bool IsDescribed(uint32_t index, uint32_t address, uint32_t elements) const {
    return plan_.Address(values_[index]) == address && CheckedElements(values_[index]) == elements;
  }

  TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE bool ValueFits(const ValueRecord& value) const {
    if (value.type >= kScalarTypes || value.role > static_cast<uint8_t>(Role::kWinners) ||
        value.first_step > value.last_step ||
        static_cast<uint32_t>(value.tensor) + 1 > plan_.model().tensor_count()) {  // -1: no tensor
      return false;
    }
    const uint32_t elements = CheckedElements(value), shift = kScalarShift[value.type];
    return elements != 0 && value.bytes >> shift == elements && value.bytes == elements << shift &&
           PlaceFits(value, elements);
  }

  TFLM_TRAIN_COLD bool PlaceFits(const ValueRecord& value, uint32_t elements) const {
    switch (static_cast<Place>(value.place)) {
      case Place::kArena:
        return value.offset % kAlignment == 0 && value.offset >> kAddressBits == 0 &&
               Within(value.offset, value.bytes, program_.arena_bytes);
      case Place::kInput: {
        const ValueRecord& input = values_[program_.input];
        return input.place == value.place && value.offset == 0 && value.type == input.type &&
               value.bytes == input.bytes;
      }
      case Place::kParameter: {
        if (value.offset >= plan_.parameter_count()) return false;
        const ParameterRecord& parameter = plan_.parameter(value.offset);
        return value.type == parameter.type && value.quantization == parameter.quantization &&
               parameter.elements == elements;
      }
      case Place::kConstant: {
        TensorView tensor;
        return value.offset < plan_.defaults().constant_count &&
               plan_.model().Tensor(plan_.constant(value.offset), &tensor) && tensor.type == value.type &&
               tensor.elements == elements && tensor.data.size >= value.bytes &&
               (reinterpret_cast<uintptr_t>(tensor.data.data) & ((1u << kScalarShift[value.type]) - 1)) == 0;
      }
    }
    return false;
  }

  /// An alias names the owner of its memory and lies inside it, in space and in time.
  TFLM_TRAIN_COLD bool AliasFits(const ValueRecord& value) const {
    if (value.alias == kNoneIndex) return true;
    if (value.alias >= program_.value_count) return false;
    const ValueRecord& owner = values_[value.alias];
    if (owner.alias != kNoneIndex || owner.place != value.place || IsExclusive(owner) || IsExclusive(value)) {
      return false;
    }
    const uint32_t inside = value.offset - owner.offset;  // wraps in front of the owner
    if (!IsArena(value)) return inside == 0;
    return Within(inside, value.bytes, owner.bytes) && owner.first_step <= value.first_step &&
           value.last_step <= owner.last_step;
  }

  /// No owner of memory shares a byte with one in front of it while both live.
  TFLM_TRAIN_COLD bool IsAlone(uint32_t index) const {
    const ValueRecord& a = values_[index];
    if (!IsArena(a) || a.alias != kNoneIndex) return true;
    for (const ValueRecord* b = values_; b != &a; ++b) {
      if (IsArena(*b) && b->alias == kNoneIndex && a.first_step <= b->last_step && b->first_step <= a.last_step &&
          a.offset < b->offset + b->bytes && b->offset < a.offset + a.bytes) {
        return false;
      }
    }
    return true;
  }

  TFLM_TRAIN_COLD bool RangesFit(const StepRecord& step) const {
    return step.value_count <= kMaxOperatorValues &&
           IndicesFit(step.value_begin, step.value_count, program_.value_count, kNoneIndex) &&
           IndicesFit(step.operator_begin, step.operator_count, plan_.model().operator_count(), 0) &&
           step.value_count <= step.word_begin && Within(step.word_begin, step.word_count, plan_.word_count());
  }

  /// Indices below a limit; `also`: another one that is allowed.
  TFLM_TRAIN_COLD bool IndicesFit(uint32_t begin, uint32_t count, uint32_t limit, uint32_t also) const {
    if (!Within(begin, count, plan_.index_count())) return false;
    const uint16_t* indices = plan_.indices() + begin;
    for (uint32_t i = 0; i < count; ++i) {
      if (indices[i] >= limit && indices[i] != also) return false;
    }
    return true;
  }

  /// One operator of the interpreter, behind the one before.
  TFLM_TRAIN_COLD Status CheckExternalStep(const StepRecord& step) {
    if (step.operator_count != 1) return Status::kPlanInvalid;
    const uint32_t op = plan_.indices()[step.operator_begin];
    if (op < next_operator_ || op > program_.last_operator) return Status::kPlanInvalid;
    next_operator_ = op + 1;
    return Status::kOk;
  }

  TFLM_TRAIN_COLD bool ArgumentsFit(const StepRecord& step, uint32_t time, const KernelArguments& kernel) const {
    const bool backward = step.phase == static_cast<uint8_t>(Phase::kBackward);
    const uint32_t written = backward ? kernel.backward_written : kernel.forward_written;
    const uint32_t winners = backward ? kernel.backward_winners : kernel.forward_winners;
    const uint32_t keys = backward ? kernel.backward_keys : 0;
    const uint16_t* values = plan_.indices() + step.value_begin;
    const uint32_t* address = plan_.words() + step.word_begin;
    for (uint32_t i = 0; i < step.value_count; ++i) {
      const bool absent = values[i] == kNoneIndex;
      const ValueRecord& value = values_[absent ? 0 : values[i]];
      if (*--address != (absent ? kNoneAddress : plan_.Address(value))) return false;
      if (absent) continue;
      if (!IsThere(value, time) || (!IsArena(value) && KernelArguments::Has(written, i)) ||
          KernelArguments::Has(winners, i) != HasRole(value, Role::kWinners) ||
          KernelArguments::Has(keys, i) != HasRole(value, Role::kScratch)) {
        return false;
      }
    }
    return true;
  }

  /// A step that an operator runs.
  TFLM_TRAIN_COLD Status CheckStep(const StepRecord& step, uint32_t index, const OperatorSet& operators) const {
    const bool backward = step.phase == static_cast<uint8_t>(Phase::kBackward);
    const Operator* op = operators.Find(static_cast<KernelId>(step.kernel));
    if (op == nullptr || (backward && op->backward == nullptr)) return Status::kMissingOperator;
    // Steps count from 0: forward, then the loss as one step, then backward.
    if (!ArgumentsFit(step, backward ? index + 1 : index, op->arguments)) return Status::kPlanInvalid;
    const Status status = op->check({step, NoMemory(plan_, values_)});
    return status == Status::kOk && backward ? CheckLayer(step, *op) : status;
  }

  /// The step's weight, channels and keys are those of the layer that it trains. kMissingOperator: the weight has a
  /// buffer for gradients, or there is none, and the operator has no way to others than weights.
  TFLM_TRAIN_COLD Status CheckLayer(const StepRecord& step, const Operator& op) const {
    const KernelArguments& kernel = op.arguments;
    if (step.layer == kNoneIndex) return op.one_pass ? Status::kMissingOperator : Status::kOk;
    if (kernel.weight == KernelArguments::kNoArgument || step.layer >= plan_.layer_count()) return Status::kPlanInvalid;
    const LayerRecord& layer = plan_.layer(step.layer);
    const uint16_t* values = plan_.indices() + step.value_begin;  // present: the operator's check has seen them
    const ValueRecord& weight = values_[values[kernel.weight]];
    const ValueRecord& error = values_[values[kernel.output_error]];
    if (layer.weight != kNoneIndex &&
        (values[kInputArgument] == kNoneIndex || weight.place != static_cast<uint8_t>(Place::kParameter) ||
         weight.offset != layer.weight)) {
      return Status::kPlanInvalid;
    }
    const auto channels = static_cast<uint32_t>(error.dims[error.rank - 1]);
    if (layer.bias != kNoneIndex && plan_.parameter(layer.bias).elements != channels) return Status::kPlanInvalid;
    if (layer.candidates != CheckedElements(error)) return Status::kPlanInvalid;
    if (layer.max_selected != 0 && (kernel.backward_keys == 0 || values[kKeysArgument] == kNoneIndex)) {
      return Status::kPlanInvalid;  // keys are enough for all
    }
    const bool in_place = layer.weight != kNoneIndex && plan_.parameter(layer.weight).gradient_offset == kNoneOffset;
    return op.one_pass && !in_place ? Status::kMissingOperator : Status::kOk;
  }

  const PlanReader& plan_;
  const ProgramRecord& program_;
  const ValueRecord* values_;
  uint32_t next_operator_;  // the lowest that the next external step may run
};

}  // namespace

Finding VerifyProgram(const PlanReader& plan, const ProgramRecord& program, const OperatorSet& operators,
                      uint16_t* failed_step) {
  ProgramVerifier verifier(plan, program);
  Finding finding = verifier.VerifyValues(operators.Find<Storage>(StorageId::kQuantized));
  for (uint32_t i = 0; finding == Finding::kNothing && i < program.forward_count + program.backward_count; ++i) {
    finding = verifier.VerifyStep(i, operators);
    if (finding != Finding::kNothing) *failed_step = static_cast<uint16_t>(i);
  }
  return finding;
}

}  // namespace tflm_train
