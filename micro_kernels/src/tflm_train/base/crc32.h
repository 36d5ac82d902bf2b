// CRC-32 as zlib computes it (polynomial 0xEDB88320, reflected), bit by bit: for Init and frames it needs no table.
#ifndef TFLM_TRAIN_BASE_CRC32_H_
#define TFLM_TRAIN_BASE_CRC32_H_

#include <cstdint>

#include "tflm_train/base/cold.h"

namespace tflm_train {

class Crc32 {
 public:
  TFLM_TRAIN_COLD void Update(const uint8_t* data, uint32_t size);
  /// Four bytes, little-endian.
  void Word(uint32_t word) {
    const uint8_t bytes[4] = {static_cast<uint8_t>(word), static_cast<uint8_t>(word >> 8),
                              static_cast<uint8_t>(word >> 16), static_cast<uint8_t>(word >> 24)};
    Update(bytes, 4);
  }
  /// The CRC of everything so far.
  uint32_t value() const { return ~state_; }

 private:
  uint32_t state_ = 0xFFFFFFFFu;
};

inline uint32_t Crc32Of(const uint8_t* data, uint32_t size) {
  Crc32 crc;
  crc.Update(data, size);
  return crc.value();
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_BASE_CRC32_H_
