// Finds and verifies the training plan of a model.
#ifndef TFLM_TRAIN_PLAN_PLAN_READER_H_
#define TFLM_TRAIN_PLAN_PLAN_READER_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/base/cold.h"
#include "tflm_train/model/model_view.h"
#include "tflm_train/plan/error_detail.h"
#include "tflm_train/plan/plan_format.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// Of a parameter's values, without its remainders. The parameter has passed.
inline uint32_t ParameterBytes(const ParameterRecord& parameter) {
  return parameter.elements << kScalarShift[parameter.type];
}

/// The records of a plan, in place in the model. `Load` verifies all that belongs to no program; a program may be run
/// after `VerifyProgram` (train/program_verifier.h).
class PlanReader {
 public:
  /// `model`: aligned to 16 bytes, must outlive the reader. On failure `error` tells more and the reader must not be
  /// used.
  TFLM_TRAIN_COLD Status Load(const void* model, size_t model_size, ErrorDetail* error);

  const ModelView& model() const { return model_; }
  /// Checksum of the plan, which tells it from any other; trained weights do not change it.
  uint32_t plan_crc() const {
    return reinterpret_cast<const PlanHeader*>(static_cast<const uint8_t*>(plan_))->plan_crc;
  }
  const DefaultsRecord& defaults() const { return *Section<DefaultsRecord>(SectionKind::kDefaults); }
  /// The update's state, the last of the training state.
  uint32_t update_state_offset() const { return defaults().constants_offset - update_state_bytes(); }
  uint32_t update_state_bytes() const { return kUpdateStateBytes[defaults().update]; }
  /// The gate's state, in front of it.
  uint32_t gate_state_offset() const { return update_state_offset() - defaults().gate_state_bytes; }
  uint32_t parameter_count() const { return Count(SectionKind::kParameters); }
  const ParameterRecord* parameters() const { return Section<ParameterRecord>(SectionKind::kParameters); }
  const ParameterRecord& parameter(uint32_t i) const { return parameters()[i]; }
  uint32_t layer_count() const { return Count(SectionKind::kLayers); }
  const LayerRecord& layer(uint32_t i) const { return Section<LayerRecord>(SectionKind::kLayers)[i]; }
  uint32_t program_count() const { return Count(SectionKind::kPrograms); }
  const ProgramRecord& program(uint32_t i) const { return Section<ProgramRecord>(SectionKind::kPrograms)[i]; }
  /// The program of this kind, null if there is none.
  TFLM_TRAIN_COLD const ProgramRecord* program(ProgramKind kind, ForwardKind forward_kind) const;

  const ValueRecord* values(const ProgramRecord& program) const {
    return Section<ValueRecord>(SectionKind::kValues) + program.value_begin;
  }
  const StepRecord* steps(const ProgramRecord& program) const {
    return Section<StepRecord>(SectionKind::kSteps) + program.step_begin;
  }
  const uint16_t* indices() const { return Section<uint16_t>(SectionKind::kIndices); }
  uint32_t index_count() const { return Count(SectionKind::kIndices); }
  const uint32_t* words() const { return Section<uint32_t>(SectionKind::kWords); }
  uint32_t word_count() const { return Count(SectionKind::kWords); }
  uint32_t quantization_count() const { return Count(SectionKind::kQuantization); }
  const QuantizationRecord& quantization(uint32_t i) const {
    return Section<QuantizationRecord>(SectionKind::kQuantization)[i];
  }
  /// What a value or parameter names, null for kNoneIndex.
  const QuantizationRecord* Quantization(uint16_t index) const {
    return index == kNoneIndex ? nullptr : &quantization(index);
  }

  /// The address of a value: see Base in plan_format.py.
  TFLM_TRAIN_NOINLINE uint32_t Address(const ValueRecord& value) const;
  /// The tensor of a constant that programs read.
  uint32_t constant(uint32_t number) const { return words()[number]; }
  /// The data of a tensor that the file holds, null if it holds none.
  const uint8_t* Constant(uint32_t tensor) const;

 private:
  static constexpr auto kSections = static_cast<uint32_t>(SectionKind::kQuantization);

  template <class Record>
  const Record* Section(SectionKind kind) const {
    return reinterpret_cast<const Record*>(plan_ + offsets_[static_cast<uint32_t>(kind) - 1]);
  }
  uint32_t Count(SectionKind kind) const { return counts_[static_cast<uint32_t>(kind) - 1]; }

  TFLM_TRAIN_COLD Finding Find(const void* model, size_t model_size);
  TFLM_TRAIN_COLD Finding LoadSections(const PlanHeader& header);
  TFLM_TRAIN_COLD bool RangesFit(const ProgramRecord& program) const;

  ModelView model_;
  WidePointer<const uint8_t> plan_;
  uint32_t offsets_[kSections] = {};
  uint32_t counts_[kSections] = {};
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_PLAN_READER_H_
