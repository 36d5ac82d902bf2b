// Bounds-checked reading of a flatbuffer: no position that the file states is believed.
#ifndef TFLM_TRAIN_RUNTIME_FLATBUFFER_WALKER_H_
#define TFLM_TRAIN_RUNTIME_FLATBUFFER_WALKER_H_

#include <cstdint>

#include "tflm_train/runtime/cold.h"

namespace tflm_train {

/// Reads from `size` bytes (at most 2^31 - 1). What lies outside reads as zero and clears `ok()` for good. Positions
/// count from the file's start; 0 stands for an absent table, field or vector, whose fields are absent and whose count
/// is 0.
class FlatbufferWalker {
 public:
  struct Vector {
    uint32_t begin = 0;  // position of the first element
    uint32_t count = 0;
  };

  FlatbufferWalker(const uint8_t* data, uint32_t size) : data_(data), size_(size) {}

  bool ok() const { return ok_; }
  const uint8_t* data() const { return data_; }

  uint8_t U8(uint32_t position) { return static_cast<uint8_t>(Read(position, 1)); }
  uint32_t U32(uint32_t position) { return Read(position, 4); }
  /// The position that the offset stored at `position` leads to.
  TFLM_TRAIN_COLD uint32_t Follow(uint32_t position);

  /// Position of a table's field, 0 if it is absent.
  TFLM_TRAIN_COLD uint32_t Field(uint32_t table, uint32_t slot);
  TFLM_TRAIN_COLD uint8_t U8Field(uint32_t table, uint32_t slot, uint8_t absent = 0);
  TFLM_TRAIN_COLD uint32_t U32Field(uint32_t table, uint32_t slot, uint32_t absent = 0);
  /// A table or vector that a field refers to, 0 if it is absent.
  TFLM_TRAIN_COLD uint32_t Reference(uint32_t table, uint32_t slot);
  /// A vector in a field. All elements lie inside the file, or the vector is empty and `ok()` is cleared.
  TFLM_TRAIN_COLD Vector VectorField(uint32_t table, uint32_t slot, uint32_t element_bytes);
  /// Table `index` of a vector of tables; clears `ok()` for an index that is out of range.
  TFLM_TRAIN_COLD uint32_t Table(const Vector& tables, uint32_t index);

 private:
  TFLM_TRAIN_COLD uint32_t Read(uint32_t position, uint32_t bytes);
  bool Contains(uint32_t position, uint32_t bytes) const { return position <= size_ && bytes <= size_ - position; }
  uint32_t Fail() {
    ok_ = false;
    return 0;
  }

  const uint8_t* data_;
  uint32_t size_;
  bool ok_ = true;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_FLATBUFFER_WALKER_H_
