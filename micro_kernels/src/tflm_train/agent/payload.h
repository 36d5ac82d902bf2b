// Little-endian fields of a frame's payload, with bounds.
#ifndef TFLM_TRAIN_AGENT_PAYLOAD_H_
#define TFLM_TRAIN_AGENT_PAYLOAD_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tflm_train/base/float_bits.h"

namespace tflm_train {

/// Reads fields one after the other. Past the end it gives zeros, and ok() turns false.
class PayloadReader {
 public:
  PayloadReader(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint8_t U8() { return static_cast<uint8_t>(Unsigned(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Unsigned(2)); }
  uint32_t U32() { return Unsigned(4); }
  float F32() { return FloatOf(U32()); }
  /// The next `size` bytes, null if there are not so many.
  const uint8_t* Bytes(size_t size) {
    if (size > rest()) {
      ok_ = false;
      return nullptr;
    }
    const uint8_t* bytes = data_ + position_;
    position_ += size;
    return bytes;
  }
  size_t rest() const { return size_ - position_; }
  /// Nothing was missing so far.
  bool ok() const { return ok_; }
  /// Nothing was missing, and nothing is left.
  bool Complete() const { return ok_ && rest() == 0; }

 private:
  uint32_t Unsigned(size_t size) {
    const uint8_t* bytes = Bytes(size);
    uint32_t value = 0;
    if (bytes == nullptr) return value;
    for (size_t i = 0; i < size; ++i) value |= static_cast<uint32_t>(bytes[i]) << 8 * i;
    return value;
  }

  const uint8_t* data_;
  size_t size_;
  size_t position_ = 0;
  bool ok_ = true;
};

/// Writes fields one after the other. What does not fit is left out, and ok() turns false.
class PayloadWriter {
 public:
  PayloadWriter(uint8_t* data, size_t capacity) : data_(data), capacity_(capacity) {}

  void U8(uint8_t value) { Unsigned(value, 1); }
  void U16(uint16_t value) { Unsigned(value, 2); }
  void U32(uint32_t value) { Unsigned(value, 4); }
  void U64(uint64_t value) { Unsigned(value, 8); }
  void F32(float value) { U32(BitsOf(value)); }
  void Bytes(const void* bytes, size_t size) {
    uint8_t* place = Reserve(size);
    if (place != nullptr && size > 0) std::memcpy(place, bytes, size);
  }
  /// The place of the next `size` bytes, null if they do not fit.
  uint8_t* Reserve(size_t size) {
    if (size > room()) {
      ok_ = false;
      return nullptr;
    }
    uint8_t* place = data_ + size_;
    size_ += size;
    return place;
  }
  /// At most `limit` characters of a text that may be null.
  void Text(const char* text, size_t limit) {
    if (text == nullptr) return;
    size_t size = 0;
    while (size < limit && text[size] != '\0') ++size;
    Bytes(text, size);
  }

  /// Bytes that still fit.
  size_t room() const { return capacity_ - size_; }
  size_t size() const { return size_; }
  bool ok() const { return ok_; }
  void Clear() {
    size_ = 0;
    ok_ = true;
  }

 private:
  void Unsigned(uint64_t value, size_t size) {
    uint8_t* place = Reserve(size);
    if (place == nullptr) return;
    for (size_t i = 0; i < size; ++i) place[i] = static_cast<uint8_t>(value >> 8 * i);
  }

  uint8_t* data_;
  size_t capacity_;
  size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_PAYLOAD_H_
