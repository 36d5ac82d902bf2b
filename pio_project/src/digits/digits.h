// A small network and a PlatformIO program's share of the digits demo: clean digits were learned on a PC, the device
// meets them rotated and dimmed. Written by tools/generate_digits.py.
#ifndef TFLM_TRAIN_DIGITS_DIGITS_H_
#define TFLM_TRAIN_DIGITS_DIGITS_H_

#include <cstdint>

namespace digits {

inline constexpr uint32_t kPixels = 64;  // 8 x 8
inline constexpr uint32_t kClasses = 10;
inline constexpr float kScale = 1.0f / 510.0f;  // a pixel's byte stands for byte * kScale

struct Set {
  const uint8_t* pixels;  // [count][kPixels]
  const uint8_t* labels;  // [count]
  uint32_t count;
};

/// An augmented .tflite, aligned to 16.
struct Model {
  const uint8_t* data;
  uint32_t bytes;
  uint32_t arena_bytes;  // what its plan needs
};

extern const Set kTraining;
extern const Set kTest;
extern const Model kCnn;  // conv 8, pool, conv 16, pool, dense 32, dense 10
extern const Model kMlp;  // dense 16, dense 10: for 16 KB of RAM

/// Writes a sample's kPixels floats.
inline void Read(const Set& set, uint32_t index, float* input) {
  for (uint32_t i = 0; i < kPixels; ++i) input[i] = static_cast<float>(set.pixels[index * kPixels + i]) * kScale;
}

}  // namespace digits

#endif  // TFLM_TRAIN_DIGITS_DIGITS_H_
