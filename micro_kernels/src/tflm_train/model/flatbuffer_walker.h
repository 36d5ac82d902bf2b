// Bounds-checked reading of a flatbuffer: no position that the file states is believed.
#ifndef TFLM_TRAIN_MODEL_FLATBUFFER_WALKER_H_
#define TFLM_TRAIN_MODEL_FLATBUFFER_WALKER_H_

#include <cstdint>

#include "tflm_train/base/cold.h"

namespace tflm_train {

/// How much of a file may be read, so that parts that a hostile one refers to again and again cost it no more than time
/// that is linear in its size. Twice what the converter allows (flatbuffer_verifier.py): what it writes passes.
class WorkBudget {
 public:
  static constexpr uint32_t kWorkPerByte = 8;
  static constexpr uint64_t kSearchPerByte = 64;

  explicit WorkBudget(uint32_t file_bytes)
      : left_(file_bytes <= UINT32_MAX / kWorkPerByte ? kWorkPerByte * file_bytes : UINT32_MAX) {}
  /// False when the budget is spent.
  bool Spend(uint32_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  /// Whether each of `a` things may be looked for among `b` others.
  static bool AllowsSearch(uint32_t a, uint32_t b, uint32_t file_bytes) {
    return uint64_t{a} * b <= kSearchPerByte * file_bytes;
  }

 private:
  uint32_t left_;
};

/// Reads from `size` bytes (at most 2^31 - 1). What lies outside reads as zero and clears `ok()` for good. Positions
/// count from the file's start; 0 stands for an absent table, field or vector, whose fields are absent and whose count
/// is 0. A vector's position is that of its count; its elements follow.
class FlatbufferWalker {
 public:
  FlatbufferWalker(const uint8_t* data, uint32_t size) : data_(data), size_(size) {}

  bool ok() const { return ok_; }

  /// A number of `bytes` bytes, little-endian, zero-extended.
  TFLM_TRAIN_COLD uint32_t Read(uint32_t position, uint32_t bytes);
  uint32_t U32(uint32_t position) { return Read(position, 4); }
  /// The position that the offset stored at `position` leads to.
  TFLM_TRAIN_COLD uint32_t Follow(uint32_t position);

  /// Position of a table's field, 0 if it is absent.
  TFLM_TRAIN_COLD uint32_t Field(uint32_t table, uint32_t slot);
  /// A number in a field, 0 if it is absent.
  uint32_t U8Field(uint32_t table, uint32_t slot) { return NumberField(table, slot, 1); }
  uint32_t U32Field(uint32_t table, uint32_t slot) { return NumberField(table, slot, 4); }
  /// A table or vector that a field refers to, 0 if it is absent.
  TFLM_TRAIN_COLD uint32_t Reference(uint32_t table, uint32_t slot);
  /// A vector in a field. All elements lie inside the file, or it is 0 and `ok()` is cleared.
  TFLM_TRAIN_COLD uint32_t VectorField(uint32_t table, uint32_t slot, uint32_t element_bytes);
  /// Number of elements of a vector.
  TFLM_TRAIN_COLD uint32_t Count(uint32_t vector);
  /// Position of the first element.
  static uint32_t Elements(uint32_t vector) { return vector + 4; }
  /// Table `index` of a vector of tables; clears `ok()` for an index that is out of range.
  TFLM_TRAIN_COLD uint32_t Table(uint32_t tables, uint32_t index);

 private:
  TFLM_TRAIN_COLD uint32_t NumberField(uint32_t table, uint32_t slot, uint32_t bytes);
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

#endif  // TFLM_TRAIN_MODEL_FLATBUFFER_WALKER_H_
