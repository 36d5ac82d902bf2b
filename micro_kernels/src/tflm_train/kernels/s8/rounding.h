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
template <class Integer>
typename Wider<Integer>::Type RoundHalfUp(float value) {
  using Wide = typename Wider<Integer>::Type;
  constexpr Wide kMost = Wide{1} << (8 * sizeof(Wide) - 2);
  constexpr auto kEnd = static_cast<float>(kMost);
  if (value >= kEnd) return kMost;
  if (value <= -kEnd) return -kMost;
  if (!(value == value)) return 0;
  Wide below = static_cast<Wide>(value);
  if (value < static_cast<float>(below)) --below;
  // exact, where value + 0.5 would be rounded itself
  return below + (value - static_cast<float>(below) >= 0.5f ? 1 : 0);
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
  using Wide = typename Wider<Integer>::Type;
  constexpr Wide kParts = 256;
  const Wide lowest = -kParts * most - kParts / 2, highest = kParts * most + kParts / 2 - 1;
  Wide joined = kParts * value + remainder + parts;
  joined = joined < lowest ? lowest : joined > highest ? highest : joined;
  const Wide nearest = (joined + kParts / 2) >> 8;
  value = static_cast<Integer>(nearest);
  remainder = static_cast<int8_t>(joined - kParts * nearest);
}

template <class Wide, class Integer>
Integer ClampTo(Integer most, Wide value) {
  return static_cast<Integer>(value > most ? most : value < -most ? -most : value);
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_ROUNDING_H_
