#include "tflm_train/base/crc32.h"

namespace tflm_train {
namespace {

// CRC of each nibble: 64 bytes of flash where the usual table takes 1024.
constexpr uint32_t kNibbles[16] = {
    0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
    0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu, 0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
};

}  // namespace

void Crc32::Update(const uint8_t* data, uint32_t size) {
  uint32_t state = state_;
  for (uint32_t i = 0; i < size; ++i) {
    state ^= data[i];
    state = kNibbles[state & 15u] ^ (state >> 4);
    state = kNibbles[state & 15u] ^ (state >> 4);
  }
  state_ = state;
}

}  // namespace tflm_train
