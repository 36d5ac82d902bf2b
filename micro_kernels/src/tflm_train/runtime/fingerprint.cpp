#include "tflm_train/runtime/fingerprint.h"

#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/crc32.h"
#include "tflm_train/runtime/option_fields.h"

namespace tflm_train {
namespace {

using Vector = FlatbufferWalker::Vector;

namespace quantization_slot {
enum { kMin, kMax, kScale, kZeroPoint, kDetailsType, kDetails, kDimension };
}

class Structure {
 public:
  explicit Structure(const ModelView& model) : model_(model), walker_(model.Walker()) {}

  TFLM_TRAIN_COLD bool AddTensors() {
    crc_.Word(model_.tensor_count());
    for (uint32_t i = 0; i < model_.tensor_count(); ++i) {
      TensorView tensor;
      if (!model_.Tensor(i, &tensor)) return false;
      crc_.Word(tensor.type);
      AddCounted(tensor.shape, 4);
      crc_.Word(tensor.buffer);
      AddCounted(walker_.VectorField(tensor.quantization, quantization_slot::kScale, 4), 4);
      AddCounted(walker_.VectorField(tensor.quantization, quantization_slot::kZeroPoint, 8), 8);
      crc_.Word(walker_.U32Field(tensor.quantization, quantization_slot::kDimension));
    }
    return walker_.ok();
  }

  TFLM_TRAIN_COLD bool AddOperators() {
    crc_.Word(model_.operator_count());
    for (uint32_t i = 0; i < model_.operator_count(); ++i) {
      OperatorView op;
      if (!model_.Operator(i, &op)) return false;
      crc_.Word(op.builtin_code);
      AddCounted(op.inputs, 4);
      AddCounted(op.outputs, 4);
      crc_.Word(op.options_type);
      AddOptions(op);
    }
    AddCounted(model_.inputs(), 4);
    AddCounted(model_.outputs(), 4);
    return walker_.ok();
  }

  TFLM_TRAIN_COLD bool AddConstants(const ParameterRecord* parameters, uint32_t parameter_count) {
    uint32_t buffer = 0;
    bool found = NextBuffer(0, &buffer);
    while (found) {
      FileBytes data;
      if (!model_.Buffer(buffer, &data)) return false;
      if (data.size > 0 && !Trains(buffer, parameters, parameter_count)) {
        crc_.Word(buffer);
        crc_.Word(data.size);
        crc_.Update(data.data, data.size);
      }
      found = buffer != UINT32_MAX && NextBuffer(buffer + 1, &buffer);
    }
    return true;
  }

  uint32_t crc() const { return crc_.value(); }

 private:
  /// The number of elements, then the low 32 bits of each.
  TFLM_TRAIN_COLD void AddCounted(const Vector& elements, uint32_t element_bytes) {
    crc_.Word(elements.count);
    for (uint32_t i = 0; i < elements.count; ++i) crc_.Word(walker_.U32(elements.begin + element_bytes * i));
  }

  TFLM_TRAIN_COLD void AddOptions(const OperatorView& op) {
    for (const OptionField& field : kOptionFields) {
      if (field.options_type != op.options_type) continue;
      const uint32_t position = walker_.Field(op.options, field.slot);
      if (position == 0) {
        crc_.Word(field.default_bits);
      } else {
        crc_.Word(field.width == 1 ? walker_.U8(position) : walker_.U32(position));
      }
    }
  }

  /// The lowest buffer from `least` on that a tensor refers to. Tensors are searched again for each: there is no memory
  /// for a sorted list.
  TFLM_TRAIN_COLD bool NextBuffer(uint32_t least, uint32_t* buffer) const {
    bool found = false;
    for (uint32_t i = 0; i < model_.tensor_count(); ++i) {
      TensorView tensor;
      if (!model_.Tensor(i, &tensor) || tensor.buffer < least || (found && tensor.buffer >= *buffer)) continue;
      *buffer = tensor.buffer;
      found = true;
    }
    return found;
  }

  TFLM_TRAIN_COLD bool Trains(uint32_t buffer, const ParameterRecord* parameters, uint32_t parameter_count) const {
    for (uint32_t i = 0; i < parameter_count; ++i) {
      TensorView tensor;
      if (model_.Tensor(parameters[i].tensor, &tensor) && tensor.buffer == buffer) return true;
    }
    return false;
  }

  const ModelView& model_;
  FlatbufferWalker walker_;
  Crc32 crc_;
};

}  // namespace

bool Fingerprint(const ModelView& model, const ParameterRecord* parameters, uint32_t parameter_count, uint32_t* crc) {
  Structure structure(model);
  if (!structure.AddTensors() || !structure.AddOperators() || !structure.AddConstants(parameters, parameter_count)) {
    return false;
  }
  *crc = structure.crc();
  return true;
}

bool WeightsCrc(const ModelView& model, const ParameterRecord* parameters, uint32_t parameter_count, uint32_t* crc) {
  Crc32 weights;
  for (uint32_t i = 0; i < parameter_count; ++i) {
    FileBytes data;
    if (!model.TensorData(parameters[i].tensor, &data)) return false;
    weights.Update(data.data, data.size);
  }
  *crc = weights.value();
  return true;
}

}  // namespace tflm_train
