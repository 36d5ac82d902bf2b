#include "tflm_train/policies/selector/top_k.h"

#include <cmath>

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/magnitude.h"

namespace tflm_train {
namespace {

void Swap(uint16_t& a, uint16_t& b) {
  const uint16_t kept = a;
  a = b;
  b = kept;
}

}  // namespace

uint16_t NthLargest(uint16_t* keys, uint32_t count, uint32_t n) {
  uint16_t *low = keys, *end = keys + count;
  uint16_t* const target = keys + n - 1;
  while (end - low > 1) {
    const uint16_t pivot = *target;
    uint16_t *left = low, *right = end;  // behind what the scan from the right reads
    while (left < right) {               // no scan leaves [low, end): the pivot or what was swapped stops it
      while (*left > pivot) ++left;
      while (right[-1] < pivot) --right;
      if (left < right) Swap(*left++, *--right);
    }
    if (right <= target) low = left;
    if (target < left) end = right;
  }
  return *target;
}

Candidates GatherKeys(const float* gate, float* delta, uint32_t elements, uint16_t* keys) {
  uint16_t* next = keys;
  float sum = 0.0f;
  const auto gather = [&](const float* open, float* element) TFLM_TRAIN_ALWAYS_INLINE {
    if (MagnitudeKey(open) == 0) {
      *element = 0.0f;
    } else {
      sum += std::fabs(*element);
      *next++ = static_cast<uint16_t>(MagnitudeKey(element) >> 16);
    }
  };
  float* const end = delta + elements;
  while ((end - delta) % 4 != 0) gather(gate++, delta++);
  for (; delta != end; gate += 4, delta += 4) {
    gather(gate, delta);
    gather(gate + 1, delta + 1);
    gather(gate + 2, delta + 2);
    gather(gate + 3, delta + 3);
  }
  return {static_cast<uint32_t>(next - keys), sum};
}

void KeepLargest(float* delta, uint32_t elements, uint16_t* keys, uint32_t count, uint32_t k) {
  const uint32_t upper = uint32_t{NthLargest(keys, count, k)} << 16, last = upper | 0xffff;
  uint16_t* next = keys;
  const auto keep = [&](float* element) TFLM_TRAIN_ALWAYS_INLINE {
    const uint32_t key = MagnitudeKey(element);
    if (key < upper) {
      *element = 0.0f;
    } else if (key > last) {
      --k;
    } else {
      *next++ = static_cast<uint16_t>(key);
    }
  };
  float* const end = delta + elements;
  if (elements % 2 != 0) keep(delta++);
  for (; delta != end; delta += 2) {
    keep(delta);
    keep(delta + 1);
  }
  // Among the elements with the same upper half the lower ones decide, at last the position.
  const uint32_t same = static_cast<uint32_t>(next - keys);
  if (same == k) return;
  const uint32_t lower = NthLargest(keys, same, k), least = upper | lower;
  uint32_t excess = same - k, ties = 0;
  for (const uint16_t* key = keys + k; key != next; ++key) ties += *key == lower ? 1 : 0;
  for (float* element = end; excess > 0;) {
    const uint32_t key = MagnitudeKey(--element);
    if (key < upper || key > least || (key == least && ties == 0)) continue;
    if (key == least) --ties;
    *element = 0.0f;
    --excess;
  }
}

}  // namespace tflm_train
