#include "tflm_train/runtime/top_k.h"

#include <cmath>
#include <cstring>

#include "tflm_train/kernels/build_config.h"

namespace tflm_train {
namespace {

/// Orders floats by magnitude as integers: the sign is shifted out. Zero for +0 and -0; total, NaN included.
inline uint32_t Key(const float* value) {
  uint32_t bits;
  std::memcpy(&bits, value, sizeof bits);
  return bits << 1;
}

/// Calls visit(element) for all of them, ascending.
template <class Float, class Visit>
TFLM_TRAIN_ALWAYS_INLINE inline void ForEachElement(Float* delta, uint32_t elements, Visit&& visit) {
  for (; elements >= 4; elements -= 4, delta += 4) {
    visit(delta);
    visit(delta + 1);
    visit(delta + 2);
    visit(delta + 3);
  }
  for (; elements > 0; --elements) visit(delta++);
}

void Swap(uint16_t& a, uint16_t& b) {
  const uint16_t kept = a;
  a = b;
  b = kept;
}

/// The n-th largest (n >= 1) of some keys. Hoare's quickselect with the median of three; permutes them.
uint16_t NthLargest(uint16_t* keys, uint32_t count, uint32_t n) {
  uint16_t *low = keys, *high = keys + count - 1;
  const uint16_t* const target = keys + n - 1;
  while (low < high) {
    uint16_t* const middle = low + (high - low) / 2;
    if (*middle > *low) Swap(*middle, *low);
    if (*high > *low) Swap(*high, *low);
    if (*high > *middle) Swap(*high, *middle);
    const uint16_t pivot = *middle;
    uint16_t *left = low, *right = high;
    while (left <= right) {  // no scan leaves [low, high]: the pivot or what was swapped stops it
      while (*left > pivot) ++left;
      while (*right < pivot) --right;
      if (left <= right) Swap(*left++, *right--);
    }
    if (target <= right) {
      high = right;
    } else if (target >= left) {
      low = left;
    } else {
      break;  // between the two parts: in its place
    }
  }
  return *target;
}

/// Clears the elements whose key is smaller; returns the number of the others.
uint32_t ClearBelow(uint32_t least, float* delta, uint32_t elements) {
  uint32_t cleared = 0;
  ForEachElement(delta, elements, [&](float* element) TFLM_TRAIN_ALWAYS_INLINE {
    if (Key(element) >= least) return;
    *element = 0.0f;
    ++cleared;
  });
  return elements - cleared;
}

}  // namespace

Candidates GatherKeys(const float* delta, uint32_t elements, uint16_t* keys) {
  uint16_t* next = keys;
  float sum = 0.0f;
  ForEachElement(delta, elements, [&](const float* element) TFLM_TRAIN_ALWAYS_INLINE {
    const uint32_t key = Key(element);
    if (key == 0) return;
    sum += std::fabs(*element);
    *next++ = static_cast<uint16_t>(key >> 16);
  });
  return {static_cast<uint32_t>(next - keys), sum};
}

void KeepLargest(float* delta, uint32_t elements, uint16_t* keys, uint32_t count, uint32_t k) {
  const uint32_t upper = NthLargest(keys, count, k);
  uint32_t least = upper << 16;
  uint32_t kept = ClearBelow(least, delta, elements);
  if (kept == k) return;
  // Among the elements with the same upper half the lower ones decide.
  uint16_t* next = keys;
  ForEachElement(delta, elements, [&](const float* element) TFLM_TRAIN_ALWAYS_INLINE {
    const uint32_t key = Key(element);
    if (key >> 16 == upper) *next++ = static_cast<uint16_t>(key);
  });
  const uint32_t same = static_cast<uint32_t>(next - keys);
  least |= NthLargest(keys, same, k + same - kept);
  kept = ClearBelow(least, delta, elements);
  for (float* last = delta + elements; kept > k;) {
    if (Key(--last) != least) continue;
    *last = 0.0f;
    --kept;
  }
}

}  // namespace tflm_train
