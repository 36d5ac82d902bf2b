// What the trainer needs to know of a .tflite file.
#ifndef TFLM_TRAIN_RUNTIME_MODEL_VIEW_H_
#define TFLM_TRAIN_RUNTIME_MODEL_VIEW_H_

#include <cstdint>

#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/flatbuffer_walker.h"
#include "tflm_train/runtime/plan_format.h"
#include "tflm_train/runtime/wide_pointer.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// Bytes inside the file.
struct FileBytes {
  const uint8_t* data = nullptr;
  uint32_t size = 0;
};

struct TensorView {
  uint8_t type;  // TensorType of the .tflite schema
  uint32_t buffer;
  uint32_t quantization;  // position of the table, 0 if absent
  FlatbufferWalker::Vector shape;
};

struct OperatorView {
  uint32_t builtin_code;
  FlatbufferWalker::Vector inputs, outputs;
  uint8_t options_type;
  uint32_t options;  // position of the table, 0 if absent
};

/// The one subgraph of a .tflite (identifier TFL3, version 3). Reads are bounds-checked at every call: the file may be
/// hostile. The methods that return bool say false when the file is damaged there.
class ModelView {
 public:
  TFLM_TRAIN_COLD Status Open(const uint8_t* data, uint32_t size);

  FlatbufferWalker Walker() const { return {data_, size_}; }
  uint32_t tensor_count() const { return tensors_.count; }
  uint32_t operator_count() const { return operators_.count; }
  const FlatbufferWalker::Vector& inputs() const { return inputs_; }
  const FlatbufferWalker::Vector& outputs() const { return outputs_; }

  TFLM_TRAIN_COLD bool Tensor(uint32_t index, TensorView* tensor) const;
  /// The tensor's type in the plan's numbers and its number of elements; false for a type or shape that no plan uses.
  TFLM_TRAIN_COLD bool TensorSize(const TensorView& tensor, ScalarType* type, uint32_t* elements) const;
  TFLM_TRAIN_COLD bool Operator(uint32_t index, OperatorView* op) const;
  /// Data of a buffer, empty if it has none; false for data that lies outside the flatbuffer.
  TFLM_TRAIN_COLD bool Buffer(uint32_t index, FileBytes* bytes) const;
  /// The data of a tensor's buffer.
  TFLM_TRAIN_COLD bool TensorData(uint32_t index, FileBytes* bytes) const;
  /// Finds a metadata entry: kNoPlan if there is none of this name.
  TFLM_TRAIN_COLD Status Metadata(const char* name, FileBytes* bytes) const;

 private:
  WidePointer<const uint8_t> data_;
  uint32_t size_ = 0;
  uint32_t model_ = 0;  // position of the root table
  FlatbufferWalker::Vector codes_, buffers_, tensors_, operators_, inputs_, outputs_;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_MODEL_VIEW_H_
