#include "tflm_train/plan/plan_reader.h"

#include <cstring>

#include "tflm_train/base/crc32.h"
#include "tflm_train/plan/fingerprint.h"
#include "tflm_train/plan/persistent_verifier.h"

namespace tflm_train {
namespace {

// By section kind, from 1.
constexpr uint8_t kRecordBytes[] = {
    sizeof(DefaultsRecord), sizeof(ParameterRecord), sizeof(LayerRecord),
    sizeof(ProgramRecord),  sizeof(ValueRecord),     sizeof(StepRecord),
    sizeof(uint16_t),       sizeof(uint32_t),        sizeof(QuantizationRecord),
};

bool Fits(uint32_t begin, uint32_t count, uint32_t size) { return begin <= size && count <= size - begin; }

TFLM_TRAIN_COLD Finding CheckHeader(const FileBytes& plan) {
  if (plan.size < sizeof(PlanHeader)) return Found(Status::kPlanDamaged, Subject::kPlanSize);
  if (reinterpret_cast<uintptr_t>(plan.data) % alignof(PlanHeader) != 0) return Invalid(Subject::kPlanAlignment);
  const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(plan.data);
  if (header.magic != kPlanMagic) return Found(Status::kPlanDamaged, Subject::kMagic);
  if (header.format_version != kFormatVersion) return Found(Status::kPlanVersion, Subject::kPlanVersion);
  if (header.header_bytes != sizeof(PlanHeader) || header.total_bytes > plan.size ||
      header.total_bytes < sizeof(PlanHeader) ||
      header.section_count > (header.total_bytes - sizeof(PlanHeader)) / sizeof(SectionRecord)) {
    return Found(Status::kPlanDamaged, Subject::kPlanSize);
  }
  if (Crc32Of(plan.data + kPlanCrcBegin, header.total_bytes - kPlanCrcBegin) != header.plan_crc) {
    return Found(Status::kPlanDamaged, Subject::kPlanChecksum);
  }
  return Finding::kNothing;
}

TFLM_TRAIN_COLD Finding CheckModel(const PlanReader& plan, const PlanHeader& header) {
  const ParameterRecord* parameters = &plan.parameter(0);
  uint32_t crc;
  if (!Fingerprint(plan.model(), parameters, plan.parameter_count(), &crc)) {
    return Found(Status::kInvalidModel, Subject::kModel);
  }
  if (crc != header.fingerprint) return Found(Status::kModelMismatch, Subject::kModelStructure);
  if (!WeightsCrc(plan.model(), parameters, plan.parameter_count(), &crc)) {
    return Found(Status::kInvalidModel, Subject::kWeights);
  }
  return crc == header.weights_crc ? Finding::kNothing : Found(Status::kModelMismatch, Subject::kWeightsChecksum);
}

}  // namespace

Status PlanReader::Load(const void* model, size_t model_size, ErrorDetail* error) {
  std::memset(offsets_, 0, sizeof offsets_);
  return error->Set(Find(model, model_size));
}

Finding PlanReader::Find(const void* model, size_t model_size) {
  if (model == nullptr || model_size > INT32_MAX) return Found(Status::kInvalidArgument, Subject::kModel);
  if (reinterpret_cast<uintptr_t>(model) % kAlignment != 0) return Found(Status::kMisaligned, Subject::kModel);
  if (!model_.Open(static_cast<const uint8_t*>(model), static_cast<uint32_t>(model_size))) {
    return Found(Status::kInvalidModel, Subject::kModel);
  }
  FileBytes plan;
  const Status status = model_.Plan(&plan);
  if (status != Status::kOk) return Found(status, Subject::kMetadata);
  Finding finding = CheckHeader(plan);
  if (finding != Finding::kNothing) return finding;
  plan_ = plan.data;
  const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(plan.data);
  finding = LoadSections(header);
  if (finding != Finding::kNothing) return finding;
  finding = CheckModel(*this, header);
  if (finding != Finding::kNothing) return finding;
  for (uint32_t i = 0; i < program_count(); ++i) {
    if (!RangesFit(program(i))) return Invalid(Subject::kProgram);
  }
  return VerifyPersistent(*this);
}

Finding PlanReader::LoadSections(const PlanHeader& header) {
  const auto* section = reinterpret_cast<const SectionRecord*>(plan_ + sizeof(PlanHeader));
  const auto first_byte = static_cast<uint32_t>(sizeof(PlanHeader) + header.section_count * sizeof(SectionRecord));
  for (uint32_t i = header.section_count; i > 0; --i, ++section) {
    if (section->offset < first_byte || section->offset % 4 != 0 ||
        !Fits(section->offset, section->bytes, header.total_bytes)) {
      return Invalid(Subject::kSectionPlace);
    }
    const uint32_t slot = section->kind - 1u;
    if (slot >= kSections) {
      if ((section->flags & kSectionRequired) == 0) continue;
      return Found(Status::kPlanVersion, Subject::kRequiredSection);
    }
    const uint32_t record_bytes = kRecordBytes[slot];
    if (offsets_[slot] != 0 || section->record_bytes != record_bytes || section->bytes % record_bytes != 0) {
      return Invalid(Subject::kSectionRecords);
    }
    offsets_[slot] = section->offset;
    counts_[slot] = section->bytes / record_bytes;
  }
  for (uint32_t offset : offsets_) {
    if (offset == 0) return Invalid(Subject::kMissingSection);
  }
  return Count(SectionKind::kDefaults) == 1 ? Finding::kNothing : Invalid(Subject::kDefaults);
}

bool PlanReader::RangesFit(const ProgramRecord& program) const {
  const uint32_t steps = program.forward_count + program.backward_count;
  return program.forward_count < kNoneIndex && program.backward_count < kNoneIndex && steps < kNoneIndex - 1u &&
         program.value_count < kNoneIndex && Fits(program.step_begin, steps, Count(SectionKind::kSteps)) &&
         Fits(program.value_begin, program.value_count, Count(SectionKind::kValues)) &&
         program.arena_bytes <= UINT32_MAX - defaults().persistent_bytes;
}

const ProgramRecord* PlanReader::program(ProgramKind kind, ForwardKind forward_kind) const {
  for (uint32_t i = 0; i < program_count(); ++i) {
    const ProgramRecord& record = program(i);
    if (record.kind == static_cast<uint16_t>(kind) && record.forward_kind == static_cast<uint16_t>(forward_kind)) {
      return &record;
    }
  }
  return nullptr;
}

uint32_t PlanReader::Address(const ValueRecord& value) const {
  Base base = Base::kProgram;
  uint32_t offset = value.offset;
  switch (static_cast<Place>(value.place)) {
    case Place::kArena:
      break;
    case Place::kInput:
      base = Base::kInput;
      break;
    case Place::kConstant:
      base = Base::kFile;
      break;
    case Place::kParameter:
      base = Base::kPersistent;
      offset = parameter(offset).arena_offset;
  }
  return static_cast<uint32_t>(base) << kAddressBits | offset;
}

const uint8_t* PlanReader::Constant(uint32_t tensor) const {
  FileBytes bytes;
  return model_.TensorData(tensor, &bytes) && bytes.size > 0 ? bytes.data : nullptr;
}

}  // namespace tflm_train
