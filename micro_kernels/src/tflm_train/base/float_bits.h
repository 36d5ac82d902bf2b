// Floats as their bits.
#ifndef TFLM_TRAIN_BASE_FLOAT_BITS_H_
#define TFLM_TRAIN_BASE_FLOAT_BITS_H_

#include <cstdint>
#include <cstring>

namespace tflm_train {

inline uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float FloatOf(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_BASE_FLOAT_BITS_H_
