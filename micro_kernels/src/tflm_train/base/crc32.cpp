#include "tflm_train/base/crc32.h"

namespace tflm_train {

void Crc32::Update(const uint8_t* data, uint32_t size) {
  constexpr uint32_t kPolynomial = 0xEDB88320u;
  uint32_t state = state_;
  for (const uint8_t* const end = data + size; data != end; ++data) {
    state ^= *data;
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ (kPolynomial & (0u - (state & 1u)));
  }
  state_ = state;
}

}  // namespace tflm_train
