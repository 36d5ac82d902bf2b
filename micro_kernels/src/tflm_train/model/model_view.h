// What the trainer needs to know of a .tflite file.
#ifndef TFLM_TRAIN_MODEL_MODEL_VIEW_H_
#define TFLM_TRAIN_MODEL_MODEL_VIEW_H_

#include <cstdint>

#include "tflm_train/base/cold.h"
#include "tflm_train/base/format.h"
#include "tflm_train/base/wide_pointer.h"
#include "tflm_train/model/flatbuffer_walker.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// Bytes inside the file.
struct FileBytes {
  const uint8_t* data = nullptr;
  uint32_t size = 0;
};

/// A tensor in the plan's numbers.
struct TensorView {
  uint32_t type;      // ScalarType; kScalarTypes for one that no plan uses
  uint32_t elements;  // 0 for a shape that no plan uses
  FileBytes data;     // empty if it has none
};

/// The one subgraph of a .tflite (identifier TFL3, version 3). Reads are bounds-checked at every call: the file may be
/// hostile. The methods that return bool say false when the file is damaged there.
class ModelView {
 public:
  /// False for what is no such file.
  TFLM_TRAIN_COLD bool Open(const uint8_t* data, uint32_t size);

  FlatbufferWalker Walker() const { return {data_, size_}; }
  /// Positions of vectors of tables, and of the subgraph.
  uint32_t operator_codes() const { return codes_; }
  uint32_t buffers() const { return buffers_; }
  uint32_t tensors() const { return tensors_; }
  uint32_t operators() const { return operators_; }
  uint32_t subgraph() const { return subgraph_; }
  const uint8_t* data() const { return data_; }
  uint32_t size() const { return size_; }
  uint32_t tensor_count() const { return Count(tensors_); }
  uint32_t operator_count() const { return Count(operators_); }

  TFLM_TRAIN_COLD bool Tensor(uint32_t index, TensorView* tensor) const;
  /// Data of a buffer, empty if it has none; false for data that lies outside the flatbuffer.
  TFLM_TRAIN_COLD bool Buffer(uint32_t index, FileBytes* bytes) const;
  /// The data of a tensor's buffer.
  TFLM_TRAIN_COLD bool TensorData(uint32_t index, FileBytes* bytes) const;
  /// The training plan in the file's metadata: kNoPlan if there is none.
  TFLM_TRAIN_COLD Status Plan(FileBytes* bytes) const;

 private:
  TFLM_TRAIN_COLD uint32_t Count(uint32_t vector) const;

  WidePointer<const uint8_t> data_;
  uint32_t size_ = 0;
  uint32_t subgraph_ = 0;
  uint32_t codes_ = 0, buffers_ = 0, tensors_ = 0, operators_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_MODEL_MODEL_VIEW_H_
