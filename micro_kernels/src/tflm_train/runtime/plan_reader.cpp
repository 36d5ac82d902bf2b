#include "tflm_train/runtime/plan_reader.h"

#include "tflm_train/runtime/crc32.h"
#include "tflm_train/runtime/fingerprint.h"
#include "tflm_train/runtime/persistent_verifier.h"
#include "tflm_train/runtime/program_verifier.h"

namespace tflm_train {
namespace {

// By section kind, from 1.
constexpr uint16_t kRecordBytes[] = {
    sizeof(DefaultsRecord), sizeof(ParameterRecord), sizeof(LayerRecord), sizeof(ProgramRecord),
    sizeof(ValueRecord),    sizeof(StepRecord),      sizeof(uint16_t),    sizeof(uint32_t),
};

bool Fits(uint32_t begin, uint32_t count, uint32_t size) { return begin <= size && count <= size - begin; }

}  // namespace

Status PlanReader::Load(const void* model, size_t model_size, ErrorDetail* error) {
  *this = PlanReader();
  if (model == nullptr || model_size > INT32_MAX) return error->Set(Status::kInvalidArgument, "model");
  if (reinterpret_cast<uintptr_t>(model) % kAlignment != 0) return error->Set(Status::kMisaligned, "model");
  Status status = model_.Open(static_cast<const uint8_t*>(model), static_cast<uint32_t>(model_size));
  if (status != Status::kOk) return error->Set(status, "model");
  FileBytes plan;
  status = model_.Metadata(kMetadataName, &plan);
  if (status != Status::kOk) return error->Set(status, "metadata");
  status = CheckHeader(plan, error);
  if (status != Status::kOk) return status;
  plan_ = plan.data;
  const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(plan.data);
  status = LoadSections(header, error);
  if (status != Status::kOk) return status;
  status = CheckModel(header, error);
  if (status != Status::kOk) return status;
  status = VerifyPersistent(*this, error);
  return status == Status::kOk ? CheckProgramRanges(error) : status;
}

Status PlanReader::CheckHeader(const FileBytes& plan, ErrorDetail* error) const {
  if (plan.size < sizeof(PlanHeader)) return error->Set(Status::kPlanDamaged, "plan size");
  if (reinterpret_cast<uintptr_t>(plan.data) % alignof(PlanHeader) != 0) {
    return error->Set(Status::kPlanInvalid, "alignment of the plan in the file");
  }
  const PlanHeader& header = *reinterpret_cast<const PlanHeader*>(plan.data);
  if (header.magic != kPlanMagic) return error->Set(Status::kPlanDamaged, "plan magic");
  if (header.format_version != kFormatVersion) return error->Set(Status::kPlanVersion, "plan version");
  if (header.header_bytes != sizeof(PlanHeader) || header.total_bytes > plan.size ||
      header.total_bytes < sizeof(PlanHeader) ||
      header.section_count > (header.total_bytes - sizeof(PlanHeader)) / sizeof(SectionRecord)) {
    return error->Set(Status::kPlanDamaged, "plan size");
  }
  if (Crc32Of(plan.data + kPlanCrcBegin, header.total_bytes - kPlanCrcBegin) != header.plan_crc) {
    return error->Set(Status::kPlanDamaged, "plan checksum");
  }
  return Status::kOk;
}

Status PlanReader::LoadSections(const PlanHeader& header, ErrorDetail* error) {
  const auto* sections = reinterpret_cast<const SectionRecord*>(plan_ + sizeof(PlanHeader));
  const uint32_t first_byte = static_cast<uint32_t>(sizeof(PlanHeader) + header.section_count * sizeof(SectionRecord));
  for (uint32_t i = 0; i < header.section_count; ++i) {
    const SectionRecord& section = sections[i];
    if (section.offset < first_byte || section.offset % 4 != 0 ||
        !Fits(section.offset, section.bytes, header.total_bytes)) {
      return error->Set(Status::kPlanInvalid, "place of a section");
    }
    if (section.kind == 0 || section.kind > kSections) {
      if ((section.flags & kSectionRequired) != 0) return error->Set(Status::kPlanVersion, "required section");
      continue;
    }
    const uint32_t slot = section.kind - 1u;
    if (offsets_[slot] != 0 || section.record_bytes != kRecordBytes[slot] || section.bytes % kRecordBytes[slot] != 0) {
      return error->Set(Status::kPlanInvalid, "records of a section");
    }
    offsets_[slot] = section.offset;
    counts_[slot] = section.bytes / kRecordBytes[slot];
  }
  for (uint32_t offset : offsets_) {
    if (offset == 0) return error->Set(Status::kPlanInvalid, "missing section");
  }
  return Count(SectionKind::kDefaults) == 1 ? Status::kOk : error->Set(Status::kPlanInvalid, "defaults");
}

Status PlanReader::CheckModel(const PlanHeader& header, ErrorDetail* error) const {
  const auto* parameters = Section<ParameterRecord>(SectionKind::kParameters);
  uint32_t crc = 0;
  if (!Fingerprint(model_, parameters, parameter_count(), &crc)) return error->Set(Status::kInvalidModel, "model");
  if (crc != header.fingerprint) return error->Set(Status::kModelMismatch, "structure of the model");
  if (!WeightsCrc(model_, parameters, parameter_count(), &crc)) return error->Set(Status::kInvalidModel, "weights");
  if (crc != header.weights_crc) return error->Set(Status::kModelMismatch, "checksum of the weights");
  return Status::kOk;
}

Status PlanReader::CheckProgramRanges(ErrorDetail* error) const {
  for (uint32_t i = 0; i < program_count(); ++i) {
    const ProgramRecord& record = program(i);
    const uint64_t steps = uint64_t{record.forward_count} + record.backward_count;
    if (!Fits(record.value_begin, record.value_count, Count(SectionKind::kValues)) ||
        record.value_count >= kNoneIndex || steps >= kNoneIndex - 1u ||
        !Fits(record.step_begin, static_cast<uint32_t>(steps), Count(SectionKind::kSteps)) ||
        record.arena_bytes > UINT32_MAX - defaults().persistent_bytes) {
      return error->Set(Status::kPlanInvalid, "program");
    }
  }
  return Status::kOk;
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

Status PlanReader::VerifyProgram(const ProgramRecord& program, const OperatorSet& operators, ErrorDetail* error) const {
  return ProgramVerifier(*this, program, error).Verify(operators);
}

const uint8_t* PlanReader::Constant(uint32_t tensor) const {
  FileBytes bytes;
  return model_.TensorData(tensor, &bytes) && bytes.size > 0 ? bytes.data : nullptr;
}

}  // namespace tflm_train
