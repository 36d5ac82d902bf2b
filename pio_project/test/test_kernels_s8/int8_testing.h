// Random integers, and requantisation by definition: what the tests of int8 kernels share.
#pragma once

#include <algorithm>
#include <vector>

#include "../test_kernels/kernel_testing.h"
#include "tflm_train/kernels/s8/fixed_factor.h"
#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace testing {

/// Numbers in [low, high].
template <class T = int8_t>
std::vector<T> Integers(Random& random, size_t n, int32_t low = -128, int32_t high = 127) {
  std::vector<T> values(n);
  for (T& value : values) value = static_cast<T>(low + int32_t(random.Below(uint32_t(high - low + 1))));
  return values;
}

/// The largest integer that is not above numerator / denominator; denominator > 0.
inline int64_t FloorDivide(int64_t numerator, int64_t denominator) {
  const int64_t quotient = numerator / denominator;
  return quotient * denominator > numerator ? quotient - 1 : quotient;
}

/// A number of the form integer / 2^bits to the nearest integer, ties up or away from zero.
inline int64_t Nearest(int64_t numerator, int32_t bits, bool ties_up) {
  const int64_t one = int64_t{1} << bits;
  if (numerator >= 0 || ties_up) return FloorDivide(2 * numerator + one, 2 * one);
  return -FloorDivide(-2 * numerator + one, 2 * one);
}

/// value * multiplier * 2^(shift - 31) by definition: two roundings, in 64 bits.
inline int64_t ExactRequantize(int32_t value, int32_t multiplier, int32_t shift) {
  const int64_t scaled = shift > 0 ? value * (int64_t{1} << shift) : value;
  return Nearest(Nearest(scaled * multiplier, 31, true), shift > 0 ? 0 : -shift, false);
}

/// A scale as a pair for `Factors`: multiplier in [2^30, 2^31), scale = multiplier * 2^(shift - 31).
struct Pair32 {
  int32_t multiplier, shift;
};
inline Pair32 RandomFactor(Random& random, int32_t low_shift, int32_t high_shift) {
  const int32_t multiplier = (int32_t{1} << 30) + static_cast<int32_t>(random.Below(1u << 24) * 64 + random.Below(64));
  return {multiplier, low_shift + static_cast<int32_t>(random.Below(uint32_t(high_shift - low_shift + 1)))};
}

/// Of either sign.
inline FixedFactor RandomFixed(Random& random, int32_t low_shift, int32_t high_shift) {
  const Pair32 pair = RandomFactor(random, low_shift, high_shift);
  return {random.Below(2) == 0 ? pair.multiplier : -pair.multiplier, pair.shift};
}

/// One pair, or one for each channel, with the stage that reads it.
class Stage {
 public:
  Stage(Random& random, uint32_t channels, bool per_channel, int32_t shift) : per_channel_(per_channel) {
    for (uint32_t c = 0; c < (per_channel ? channels : 1); ++c) {
      const Pair32 pair = RandomFactor(random, shift - 1, shift);
      pairs_.push_back(pair.multiplier);
      pairs_.push_back(pair.shift);
    }
    zero_point_ = static_cast<int32_t>(random.Below(256)) - 128;
    low_ = random.Below(2) == 0 ? -128 : std::min<int32_t>(zero_point_, 126);
    high_ = random.Below(2) == 0 ? 127 : std::min<int32_t>(127, low_ + 60);
  }
  OutputStage stage() const { return {{pairs_.data(), per_channel_ ? 2u : 0u}, zero_point_, low_, high_}; }
  /// What it makes of a sum, by definition.
  int8_t Expected(int64_t sum, size_t channel) const {
    const size_t at = per_channel_ ? channel * 2 : 0;
    const int64_t value = ExactRequantize(static_cast<int32_t>(sum), pairs_[at], pairs_[at + 1]) + zero_point_;
    return static_cast<int8_t>(std::max<int64_t>(low_, std::min<int64_t>(high_, value)));
  }

 private:
  std::vector<int32_t> pairs_;
  bool per_channel_;
  int32_t zero_point_, low_, high_;
};

/// The shift that brings sums of `terms` products of int8 numbers to about 8 bits.
inline int32_t ShiftFor(size_t terms) {
  int32_t shift = -5;  // a product has some 13 bits; a multiplier takes half a bit
  for (size_t n = 1; n < terms; n *= 4) --shift;
  return shift;
}

}  // namespace testing
}  // namespace tflm_train
