// Exp, ClampedLog, Tanh, Sqrt. The parity build takes its own float versions, made of additions, multiplications and
// divisions: the same bits on every target. Exp and ClampedLog also serve Cortex-M with an FPU, where they take less
// than half the instructions of the standard library's. Everything else takes the standard library's.
#ifndef TFLM_TRAIN_KERNELS_MATH_H_
#define TFLM_TRAIN_KERNELS_MATH_H_

#include <cmath>
#include <cstdint>
#include <limits>

#include "tflm_train/base/cold.h"
#include "tflm_train/base/float_bits.h"
#include "tflm_train/kernels/build_config.h"

namespace tflm_train {
namespace basic {

/// 2^exponent, -126 <= exponent <= 127.
inline float PowerOfTwo(int32_t exponent) { return FloatOf(static_cast<uint32_t>(exponent + 127) << 23); }

/// value * 2^exponent where that is denormal, zero or infinite; far outside, `value` means nothing. Seldom needed: out
/// of line.
TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD inline float ExtremeExp(float value, float exponent) {
  if (exponent > 128.0f) return std::numeric_limits<float>::infinity();
  if (exponent < -150.0f) return 0.0f;
  if (exponent != exponent) return exponent;
  const auto n = static_cast<int32_t>(exponent);
  const int32_t half = n / 2;
  return value * PowerOfTwo(half) * PowerOfTwo(n - half);
}

// ln 2 in two parts (Cody and Waite): the first has so few bits that its product with an exponent is exact.
inline constexpr float kLn2High = 0.693359375f;
inline constexpr float kLn2Low = -2.12194440e-4f;

/// exp(x) = 2^n exp(r), |r| <= ln 2 / 2, with exp(r) = 1 + r + r^2 p(r); p of degree 4 has the least relative error of
/// exp(r), 3.1e-9.
inline float Exp(float x) {
  // Next to 1.5 * 2^23 the last bit of a float stands for 1: the addition rounds to the nearest integer.
  constexpr float kInteger = 12582912.0f;
  constexpr uint32_t kIntegerBits = 0x4B400000;
  const float shifted = x * 1.44269504f + kInteger;
  const uint32_t bits = BitsOf(shifted);
  const float exponent = shifted - kInteger;
  const float r = (x - exponent * kLn2High) - exponent * kLn2Low;
  float tail = 1.3814222e-3f;
  tail = tail * r + 8.368899e-3f;
  tail = tail * r + 4.1668404e-2f;
  tail = tail * r + 0.1666652f;
  tail = tail * r + 0.49999994f;
  const float value = 1.0f + (r + r * r * tail);
  // n from -125 to 127: the product is normal, so n adds to the exponent. No other x, NaN included, has such bits.
  constexpr int32_t kLowest = -125, kHighest = 127;
  if (bits - kIntegerBits - static_cast<uint32_t>(kLowest) <= static_cast<uint32_t>(kHighest - kLowest)) {
    return FloatOf(BitsOf(value) + (bits << 23));
  }
  return ExtremeExp(value, exponent);
}

/// log(2^k (1 + f)) with sqrt(1/2) <= 1 + f < sqrt(2): log(1 + f) = 2 artanh(s) = f - s (f - R), s = f / (2 + f),
/// R = 2 (s^2 / 3 + s^4 / 5 + ...), because f = 2 s + s f.
inline float ClampedLog(float x) {
  constexpr int32_t kSmallestBits = 0x00800000;
  int32_t bits = static_cast<int32_t>(BitsOf(x));
  if (bits < kSmallestBits) bits = kSmallestBits;  // negative numbers have negative bits
  int32_t k = (bits >> 23) - 127;
  float m = FloatOf((static_cast<uint32_t>(bits) & 0x007FFFFFu) | 0x3F800000u);
  if (m > 1.41421356f) {
    m *= 0.5f;
    ++k;
  }
  const float f = m - 1.0f;
  const float s = f / (2.0f + f);
  const float z = s * s;
  const float r = z * (2.0f / 3.0f + z * (2.0f / 5.0f + z * (2.0f / 7.0f + z * (2.0f / 9.0f))));
  const float exponent = static_cast<float>(k);
  return exponent * kLn2High + (f - (s * (f - r) - exponent * kLn2Low));
}

/// Near zero a convergent of Lambert's continued fraction x / (1 + x^2 / (3 + x^2 / (5 + ...))), with a relative error
/// below 1e-8 there; else 1 - 2 / (exp(2 |x|) + 1).
inline float Tanh(float x) {
  const float magnitude = x < 0.0f ? -x : x;
  if (magnitude < 0.625f) {
    const float z = x * x;
    return x * ((945.0f + z * (105.0f + z)) / (945.0f + z * (420.0f + z * 15.0f)));
  }
  const float value = magnitude < 9.5f ? 1.0f - 2.0f / (Exp(2.0f * magnitude) + 1.0f) : (x != x ? x : 1.0f);
  return x < 0.0f ? -value : value;
}

}  // namespace basic

// One copy for all callers.
float Exp(float x);
/// log(max(x, smallest normal number)) of a finite x: a probability of zero costs 87, not infinity.
float ClampedLog(float x);
/// y_i = exp(beta (x_i - shift)) over n; returns their sum. y may be x.
float ExpAndSum(float beta, const float* x, float shift, uint32_t n, float* y);
#ifdef TFLM_TRAIN_PARITY
inline float Tanh(float x) { return basic::Tanh(x); }
#else
inline float Tanh(float x) { return std::tanh(x); }
#endif
// IEEE 754 prescribes the bits of a square root: hardware and libraries agree.
inline float Sqrt(float x) { return std::sqrt(x); }

inline float Log(float x) {
  if (x > 0.0f) return ClampedLog(x);
  return x == 0.0f ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
}

inline double Exp(double x) { return std::exp(x); }
inline double Log(double x) { return std::log(x); }
inline double ExpAndSum(double beta, const double* x, double shift, uint32_t n, double* y) {
  double sum = 0.0;
  for (uint32_t i = 0; i < n; ++i) sum += y[i] = Exp(beta * (x[i] - shift));
  return sum;
}
inline double Tanh(double x) { return std::tanh(x); }
inline double Sqrt(double x) { return std::sqrt(x); }

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_MATH_H_
