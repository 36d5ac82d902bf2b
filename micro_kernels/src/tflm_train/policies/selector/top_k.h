// Exact selection of the k largest magnitudes: ties go to the lowest index.
#ifndef TFLM_TRAIN_POLICIES_SELECTOR_TOP_K_H_
#define TFLM_TRAIN_POLICIES_SELECTOR_TOP_K_H_

#include <cstdint>

#include "tflm_train/policies/selector.h"

namespace tflm_train {

/// What a selector knows of an error.
struct Candidates {
  uint32_t count;  // at least the elements that are not zero
  float sum;       // of all magnitudes, ascending with one accumulator
};

/// Whole part of fraction * n, clamped to [1, n].
inline uint32_t SelectionSize(float fraction, uint32_t n) {
  const float size = fraction * static_cast<float>(n);
  if (!(size < static_cast<float>(n))) return n;
  return size < 1.0f ? 1u : static_cast<uint32_t>(size);
}

/// The n-th largest (n >= 1) of some keys. Hoare's quickselect; permutes them: afterwards those behind the first n are
/// not larger.
uint16_t NthLargest(uint16_t* keys, uint32_t count, uint32_t n);

/// Clears delta where `gate` is zero: the output of a ReLU, or delta itself. Makes `keys`, which has room for
/// `elements` of them, ready for KeepLargest.
Candidates GatherKeys(const float* gate, float* delta, uint32_t elements, uint16_t* keys);

/// Clears all elements but the k largest, 1 <= k < count. `keys`, `count`: from GatherKeys.
void KeepLargest(float* delta, uint32_t elements, uint16_t* keys, uint32_t count, uint32_t k);

inline Candidates GatherKeys(const LayerError& error) {
  return GatherKeys(error.gate, error.delta, error.elements, error.keys);
}

/// The same for any k and number of candidates; false if nothing goes on.
inline bool KeepLargest(const LayerError& error, const Candidates& candidates, uint32_t k) {
  if (k == 0 || candidates.count == 0) return false;
  if (k < candidates.count) KeepLargest(error.delta, error.elements, error.keys, candidates.count, k);
  return true;
}

/// As those of floats; ties go to the lowest index too.
Candidates GatherKeys(const IntegerLayerError& error);
bool KeepLargest(const IntegerLayerError& error, const Candidates& candidates, uint32_t k);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_SELECTOR_TOP_K_H_
