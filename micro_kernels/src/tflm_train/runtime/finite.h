// NaN and infinity.
#ifndef TFLM_TRAIN_RUNTIME_FINITE_H_
#define TFLM_TRAIN_RUNTIME_FINITE_H_

#include <cstdint>
#include <cstring>

namespace tflm_train {

/// No number is NaN or infinite. On bits: independent of compiler flags, cheap without FPU, and without a branch per
/// number.
inline bool AllFinite(const float* values, uint32_t count) {
  constexpr uint32_t kExponent = 0x7F800000u;
  uint32_t largest = 0;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, values + i, sizeof bits);
    bits &= kExponent;
    largest = bits > largest ? bits : largest;
  }
  return largest != kExponent;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_FINITE_H_
