// How updates round. What a C cast does, towards zero, loses small steps of both signs and stands nowhere here.
#ifndef TFLM_TRAIN_KERNELS_S8_ROUNDING_H_
#define TFLM_TRAIN_KERNELS_S8_ROUNDING_H_

#include <cstdint>

#include "tflm_train/kernels/s8/fixed_factor.h"

namespace tflm_train {

/// Holds a value of this type times 2^16.
template <class Integer>
struct Wider;
template <>
struct Wider<int8_t> {
  using Type = int32_t;
};
template <>
struct Wider<int32_t> {
  using Type = int64_t;
};

/// To nearest, ties up. What would take a value beyond all bounds stops at 2^(bits - 2) of the wide type; NaN is 0.
/// From the float's bits, as 64-bit integers have no instruction for it.
template <class Integer>
typename Wider<Integer>::Type RoundHalfUp(float value) {
  using Wide = typename Wider<Integer>::Type;
  constexpr int32_t kBits = 8 * sizeof(Wide) - 2;
  const FloatParts parts(value);
  if (parts.is_nan()) return 0;
  const int32_t left = parts.exponent - 150, right = -left;
  Wide rounded = 0;
  if (left > kBits - 24) {
    rounded = Wide{1} << kBits;
  } else if (left >= 0) {
    rounded = static_cast<Wide>(parts.magnitude) << left;
  } else if (right < 25) {
    const uint32_t half = uint32_t{1} << (right - 1);
    rounded = static_cast<Wide>((parts.magnitude + half - (parts.negative ? 1 : 0)) >> right);
  }
  return parts.negative ? -rounded : rounded;
}

/// value * factor in the same way, exactly.
template <class Integer>
typename Wider<Integer>::Type ScaleHalfUp(int32_t value, FixedFactor factor) {
  constexpr int64_t kMost = int64_t{1} << (8 * sizeof(typename Wider<Integer>::Type) - 2);
  const int64_t product = int64_t{value} * factor.multiplier;  // less than 2^62
  int64_t rounded = 0;
  if (factor.shift > 62 || product == 0) return 0;
  if (factor.shift > 0) {
    rounded = (product + (int64_t{1} << (factor.shift - 1))) >> factor.shift;
  } else {
    // 2^30 at least
    const int32_t left = factor.shift > -32 ? -factor.shift : 32;
    const int64_t most = kMost >> left;
    rounded = product > most ? kMost : product < -most ? -kMost : product * (int64_t{1} << left);
  }
  rounded = rounded > kMost ? kMost : rounded < -kMost ? -kMost : rounded;
  return static_cast<typename Wider<Integer>::Type>(rounded);
}

/// A step with `bits` fraction bits to one of its neighbours; over all 2^bits values of `random` the mean is the step.
template <class Wide>
Wide RoundStochastically(Wide step, int bits, uint32_t random) {
  return (step + static_cast<Wide>(random)) >> bits;
}

/// An integer in [-most, most] and its remainder in 1/256 of a unit are one number, to which `parts` such parts are
/// added. The integer is the nearest of the number.
template <class Integer>
void AddToMaster(typename Wider<Integer>::Type parts, Integer most, Integer& value, int8_t& remainder) {
  const auto sum = remainder + parts;
  const auto units = (sum + 128) >> 8;
  const auto moved = value + units;
  if (moved > most) {
    value = most;
    remainder = 127;
  } else if (moved < -most) {
    value = static_cast<Integer>(-most);
    remainder = -128;
  } else {
    value = static_cast<Integer>(moved);
    remainder = static_cast<int8_t>(sum - 256 * units);
  }
}

template <class Wide, class Integer>
Integer ClampTo(Integer most, Wide value) {
  return static_cast<Integer>(value > most ? most : value < -most ? -most : value);
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_ROUNDING_H_
