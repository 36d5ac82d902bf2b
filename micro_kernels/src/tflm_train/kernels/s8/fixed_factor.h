// Real numbers that integers are multiplied with, without an instruction on floats: a multiplier and a shift.
#ifndef TFLM_TRAIN_KERNELS_S8_FIXED_FACTOR_H_
#define TFLM_TRAIN_KERNELS_S8_FIXED_FACTOR_H_

#include <cstdint>

#include "tflm_train/base/float_bits.h"

namespace tflm_train {

/// multiplier * 2^-shift. |multiplier| is in [2^30, 2^31), or 0.
struct FixedFactor {
  int32_t multiplier, shift;
};

/// A magnitude in [1, 2^31] * 2^-shift with its sign.
inline FixedFactor Normalised(uint32_t magnitude, int32_t shift, bool negative) {
  for (; magnitude < uint32_t{1} << 30; magnitude <<= 1) ++shift;
  if (magnitude == uint32_t{1} << 31) magnitude >>= 1, --shift;
  const auto multiplier = static_cast<int32_t>(magnitude);
  return {negative ? -multiplier : multiplier, shift};
}

/// Of a float: its sign, and magnitude * 2^(exponent - 150).
struct FloatParts {
  explicit FloatParts(float value) {
    const uint32_t bits = BitsOf(value);
    negative = bits >> 31 != 0;
    exponent = static_cast<int32_t>(bits >> 23 & 0xffu);
    magnitude = bits & 0x7fffffu;
    if (exponent == 255) return;
    exponent == 0 ? exponent = 1 : magnitude |= uint32_t{1} << 23;
  }
  bool is_infinite() const { return exponent == 255 && magnitude == 0; }
  bool is_nan() const { return exponent == 255 && magnitude != 0; }

  bool negative;
  int32_t exponent;
  uint32_t magnitude;
};

/// A factor that takes every integer but 0 beyond all bounds.
constexpr FixedFactor BeyondBounds(bool negative) { return {negative ? -INT32_MAX : INT32_MAX, -128}; }

/// The number, exactly. NaN is 0.
inline FixedFactor Fixed(float value) {
  const FloatParts parts(value);
  if (parts.is_nan() || (parts.exponent == 1 && parts.magnitude == 0)) return {0, 0};
  if (parts.is_infinite()) return BeyondBounds(parts.negative);
  return Normalised(parts.magnitude << 7, 157 - parts.exponent, parts.negative);
}

/// The number, exactly; above -2^31.
inline FixedFactor FixedInteger(int32_t value) {
  if (value == 0) return {0, 0};
  return Normalised(static_cast<uint32_t>(value < 0 ? -value : value), 0, value < 0);
}

/// 1 / value, less at most 2^-30 of it: for cores without an instruction for it, seven and then three times eight bits
/// of a long division. NaN and infinity give 0.
inline FixedFactor FixedReciprocal(float value) {
  FloatParts parts(value);
  if (parts.exponent == 255) return {0, 0};
  if (parts.magnitude == 0) return BeyondBounds(parts.negative);
  for (; parts.magnitude < uint32_t{1} << 23; parts.magnitude <<= 1) --parts.exponent;
  uint32_t rest = uint32_t{1} << 30, quotient = rest / parts.magnitude;
  rest -= quotient * parts.magnitude;
  for (int i = 0; i < 3; ++i) {
    rest <<= 8;
    const uint32_t digit = rest / parts.magnitude;
    rest -= digit * parts.magnitude;
    quotient = quotient << 8 | digit;
  }
  return Normalised(quotient, parts.exponent - 96, parts.negative);
}

/// a * b, towards zero by at most 2^-30 of it.
constexpr FixedFactor Times(FixedFactor a, FixedFactor b) {
  const int64_t product = int64_t{a.multiplier} * b.multiplier;
  const bool negative = product < 0;
  const auto magnitude = static_cast<uint64_t>(negative ? -product : product);
  const int32_t dropped = magnitude >> 61 != 0 ? 31 : 30;
  const auto multiplier = static_cast<int32_t>(magnitude >> dropped);
  return {negative ? -multiplier : multiplier, a.shift + b.shift - dropped};
}

/// The factor with as many bits as a float has, towards zero.
constexpr FixedFactor WithFloatPrecision(FixedFactor factor) {
  constexpr int32_t kUnit = 1 << 7;
  return {factor.multiplier / kUnit * kUnit, factor.shift};
}

/// factor * 2^exponent.
constexpr FixedFactor TimesPowerOfTwo(FixedFactor factor, int32_t exponent) {
  return {factor.multiplier, factor.shift - exponent};
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_FIXED_FACTOR_H_
