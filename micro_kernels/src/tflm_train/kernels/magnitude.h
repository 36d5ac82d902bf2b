// Magnitudes of floats as integers: on a Cortex-M cheaper to compare than the floats.
#ifndef TFLM_TRAIN_KERNELS_MAGNITUDE_H_
#define TFLM_TRAIN_KERNELS_MAGNITUDE_H_

#include <cstdint>
#include <cstring>

namespace tflm_train {

/// Orders floats by magnitude: the sign is shifted out. Zero for +0 and -0; total, NaN included.
inline uint32_t MagnitudeKey(const float* value) {
  uint32_t bits;  // not BitsOf(*value): compilers load that as a float first
  std::memcpy(&bits, value, sizeof bits);
  return bits << 1;
}

/// Zero, either sign.
inline bool IsZero(const float* value) { return MagnitudeKey(value) == 0; }

/// Whether all values up to `end` are, `step` apart.
inline bool AllZero(const float* value, const float* end, uint32_t step) {
  while (value < end && IsZero(value)) value += step;
  return value >= end;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_MAGNITUDE_H_
