#include "tflm_train/plan/fingerprint.h"

#include "tflm_train/base/cold.h"
#include "tflm_train/base/crc32.h"
#include "tflm_train/model/model_slots.h"
#include "tflm_train/plan/fingerprint_fields.h"

namespace tflm_train {
namespace {

class Structure {
 public:
  explicit Structure(const ModelView& model) : model_(model), walker_(model.Walker()), budget_(model.size()) {}

  TFLM_TRAIN_COLD void AddTensors() {
    const uint32_t count = AddCount(model_.tensors());
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t table = walker_.Table(model_.tensors(), i);
      AddFields(table, kTensorFields);
      AddFields(walker_.Reference(table, tensor_slot::kQuantization), kQuantizationFields);
    }
  }

  TFLM_TRAIN_COLD void AddOperators() {
    const uint32_t count = AddCount(model_.operators());
    for (uint32_t i = 0; i < count; ++i) {
      const uint32_t table = walker_.Table(model_.operators(), i);
      const uint32_t code = walker_.Table(model_.operator_codes(), walker_.U32Field(table, operator_slot::kCode));
      const int32_t old_code = static_cast<int8_t>(walker_.U8Field(code, code_slot::kDeprecatedCode));
      const auto new_code = static_cast<int32_t>(walker_.U32Field(code, code_slot::kCode));
      crc_.Word(static_cast<uint32_t>(new_code > old_code ? new_code : old_code));
      AddFields(table, kOperatorFields);
      AddFields(walker_.Reference(table, operator_slot::kOptions), walker_.U8Field(table, operator_slot::kOptionsType));
    }
    AddFields(model_.subgraph(), kSubgraphFields);
  }

  /// Buffers are searched among all tensors, and among those that train: there is no memory for a sorted list.
  TFLM_TRAIN_COLD bool AddConstants(const ParameterRecord* parameters, uint32_t parameter_count) {
    const uint32_t tensors = walker_.Count(model_.tensors()), buffers = walker_.Count(model_.buffers());
    const uint32_t searched = tensors + parameter_count;
    uint32_t found = 0;
    if (!intact_ || !WorkBudget::AllowsSearch(searched, buffers, model_.size())) return false;
    for (uint32_t buffer = 0; buffer < buffers; ++buffer) {
      bool constant = false;
      for (uint32_t i = 0; i < searched; ++i) {
        const uint32_t tensor = walker_.Table(model_.tensors(), i < tensors ? i : parameters[i - tensors].tensor);
        if (walker_.U32Field(tensor, tensor_slot::kBuffer) != buffer) continue;
        constant = i < tensors;
        ++found;
      }
      FileBytes data;
      if (!constant) continue;
      if (!model_.Buffer(buffer, &data) || !budget_.Spend(data.size)) return false;
      if (data.size == 0) continue;
      crc_.Word(buffer);
      crc_.Word(data.size);
      crc_.Update(data.data, data.size);
    }
    return walker_.ok() && found == searched;
  }

  uint32_t crc() const { return crc_.value(); }

 private:
  TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE uint32_t AddCount(uint32_t vector) {
    const uint32_t count = walker_.Count(vector);
    crc_.Word(count);
    return count;
  }

  /// Numbers as 32-bit words, of vectors their count before and the low 32 bits of each element.
  TFLM_TRAIN_COLD void AddFields(uint32_t table, uint32_t owner) {
    for (const FingerprintField& field : kFingerprintFields) {
      if (field.owner != owner) continue;
      if (field.is_vector()) {
        uint32_t vector = walker_.VectorField(table, field.slot(), field.bytes());
        intact_ = intact_ && budget_.Spend(field.bytes() * walker_.Count(vector));
        if (!intact_) vector = 0;
        uint32_t position = FlatbufferWalker::Elements(vector);
        for (uint32_t i = AddCount(vector); i > 0; --i, position += field.bytes()) crc_.Word(walker_.U32(position));
      } else {
        const uint32_t position = walker_.Field(table, field.slot());
        crc_.Word(position == 0 ? field.absent() : walker_.Read(position, field.bytes()));
      }
    }
  }

  const ModelView& model_;
  FlatbufferWalker walker_;
  WorkBudget budget_;
  bool intact_ = true;
  Crc32 crc_;
};

}  // namespace

bool Fingerprint(const ModelView& model, const ParameterRecord* parameters, uint32_t parameter_count, uint32_t* crc) {
  Structure structure(model);
  structure.AddTensors();
  structure.AddOperators();
  const bool intact = structure.AddConstants(parameters, parameter_count);
  *crc = structure.crc();
  return intact;
}

bool WeightsCrc(const ModelView& model, const ParameterRecord* parameters, uint32_t parameter_count, uint32_t* crc) {
  Crc32 weights;
  WorkBudget budget(model.size());
  for (uint32_t i = 0; i < parameter_count; ++i) {
    FileBytes data;
    if (!model.TensorData(parameters[i].tensor, &data) || !budget.Spend(data.size)) return false;
    weights.Update(data.data, data.size);
  }
  *crc = weights.value();
  return true;
}

}  // namespace tflm_train
