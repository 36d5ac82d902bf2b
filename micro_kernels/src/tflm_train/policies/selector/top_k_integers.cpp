// Exact selection among errors of 16-bit integers.
#include "tflm_train/kernels/s8/int16_errors.h"
#include "tflm_train/policies/selector/top_k.h"

namespace tflm_train {
namespace {

uint16_t Key(int16_t error) { return static_cast<uint16_t>(error < 0 ? -error : error); }

}  // namespace

Candidates GatherKeys(const IntegerLayerError& error) {
  uint16_t* next = error.keys;
  uint64_t sum = 0;
  for (uint32_t i = 0; i < error.elements; ++i) {
    if (error.delta[i] == 0) continue;
    *next = Key(error.delta[i]);
    sum += *next++;
  }
  return {static_cast<uint32_t>(next - error.keys), static_cast<float>(sum) * PowerOfTwo(error.exponent)};
}

bool KeepLargest(const IntegerLayerError& error, const Candidates& candidates, uint32_t k) {
  if (k == 0 || candidates.count == 0) return false;
  if (k >= candidates.count) return true;
  const uint16_t least = NthLargest(error.keys, candidates.count, k);
  uint32_t ties = 0;  // of the least that go on
  for (uint32_t i = 0; i < k; ++i) ties += error.keys[i] == least ? 1 : 0;
  for (uint32_t i = 0; i < error.elements; ++i) {
    const uint16_t key = Key(error.delta[i]);
    if (key > least) continue;
    if (key == least && ties > 0) {
      --ties;
    } else {
      error.delta[i] = 0;
    }
  }
  return true;
}

}  // namespace tflm_train
