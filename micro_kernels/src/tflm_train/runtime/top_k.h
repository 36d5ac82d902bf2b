// Exact selection of the k largest magnitudes: ties go to the lowest index, zeros are never selected.
#ifndef TFLM_TRAIN_RUNTIME_TOP_K_H_
#define TFLM_TRAIN_RUNTIME_TOP_K_H_

#include <cstdint>
#include <cstring>

#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// Orders floats by magnitude as integers: the sign is shifted out. Zero for +0 and -0; total, NaN included.
inline uint32_t MagnitudeKey(const float* value) {
  uint32_t bits;
  std::memcpy(&bits, value, sizeof bits);
  return bits << 1;
}

/// Whole part of fraction * n, clamped to [1, n].
inline uint32_t SelectionSize(float fraction, uint32_t n) {
  const float size = fraction * static_cast<float>(n);
  if (!(size < static_cast<float>(n))) return n;
  return size < 1.0f ? 1u : static_cast<uint32_t>(size);
}

/// Makes `list`, of IndexBytes(elements) bytes for each element, ready for KeepLargest. Returns the number of elements that are
/// not zero; `*sum` gets the sum of all magnitudes, ascending with one accumulator.
uint32_t GatherNonZero(const float* delta, uint32_t elements, void* list, float* sum);

/// The k largest of the `count` gathered elements: an ascending list in `list`. Where `prunable`, which is `delta` or null, allows
/// it and a list would save little, the others are cleared there instead, and all elements that are not zero go on.
Selection KeepLargest(const float* delta, uint32_t elements, void* list, uint32_t count, uint32_t k,
                      float* prunable = nullptr);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_TOP_K_H_
