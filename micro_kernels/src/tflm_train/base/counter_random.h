// Random numbers from a counter: the same on every target, and a state that one number holds.
#ifndef TFLM_TRAIN_BASE_COUNTER_RANDOM_H_
#define TFLM_TRAIN_BASE_COUNTER_RANDOM_H_

#include <cstdint>

namespace tflm_train {

/// The n-th number of a sequence: its bits are those of n mixed by the finaliser of MurmurHash3.
inline uint32_t CounterRandom(uint32_t seed, uint32_t n) {
  uint32_t bits = (n + seed) * 0x9E3779B9u + seed;
  bits = (bits ^ bits >> 16) * 0x85EBCA6Bu;
  bits = (bits ^ bits >> 13) * 0xC2B2AE35u;
  return bits ^ bits >> 16;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_BASE_COUNTER_RANDOM_H_
