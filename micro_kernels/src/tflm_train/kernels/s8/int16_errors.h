// Errors of 16-bit integers: element i of a tensor stands for values[i] * 2^exponent, one exponent for all.
#ifndef TFLM_TRAIN_KERNELS_S8_INT16_ERRORS_H_
#define TFLM_TRAIN_KERNELS_S8_INT16_ERRORS_H_

#include <cstdint>

#include "tflm_train/base/float_bits.h"

namespace tflm_train {

inline constexpr int32_t kErrorBits = 15;  // of a magnitude

/// Number of the magnitude's bits; of a negative number, -1 - n counts: -2^15 has 15.
inline int32_t MagnitudeBits(uint32_t magnitudes) { return magnitudes == 0 ? 0 : 32 - __builtin_clz(magnitudes); }
inline uint32_t Magnitude(int32_t value) { return static_cast<uint32_t>(value ^ (value >> 31)); }

inline int16_t ToInt16(int32_t value) {
  return static_cast<int16_t>(value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value);
}

/// value / 2^shift, half up; shift >= 0, a long one leaves 0.
inline int32_t ShiftRight(int32_t value, int32_t shift) {
  if (shift == 0) return value;
  if (shift > 31) return 0;
  return (value >> (shift - 1) >> 1) + (value >> (shift - 1) & 1);
}

/// 2^exponent, 0 or infinity where a float holds none.
inline float PowerOfTwo(int32_t exponent) {
  if (exponent < -126) return 0.0f;
  return FloatOf(exponent > 127 ? 0x7F800000u : static_cast<uint32_t>(exponent + 127) << 23);
}

/// An exponent from memory, which no sum with others takes beyond 32 bits. Those of errors lie far inside.
inline int32_t BoundedExponent(int32_t exponent) {
  constexpr int32_t kMost = 1 << 20;
  return exponent < -kMost ? -kMost : exponent > kMost ? kMost : exponent;
}

/// All magnitudes together: what has no more bits than the largest.
inline uint32_t Magnitudes(const int16_t* values, uint32_t n) {
  uint32_t all = 0;
  for (uint32_t i = 0; i < n; ++i) all |= Magnitude(values[i]);
  return all;
}

/// As MaskClamped of floats, and the magnitudes of what passes.
uint32_t MaskClamped(int32_t low, int32_t high, const int8_t* y, uint32_t n, int16_t* dy);

/// values[i] * 2^-shift; a negative shift must leave them within 16 bits.
void ShiftErrors(int32_t shift, int16_t* values, uint32_t n);

/// Multiplies errors [n / channels, channels] by ratios of 15 fractional bits, ratios[channel * step], and by 2^-shift:
/// 0 <= kErrorBits + shift <= 31.
void FoldErrors(const int32_t* ratios, uint32_t step, uint32_t channels, int32_t shift, int16_t* values, uint32_t n);

/// Makes 16-bit integers of floats, which are finite, without arithmetic of floats; `to` may be their own memory.
/// Returns the exponent; 0 if all are zero.
int32_t ErrorsFromFloats(const float* from, uint32_t n, int16_t* to);

/// to[i] = from[i] * 2^exponent, or += that.
void FloatsFromErrors(const int16_t* from, int32_t exponent, uint32_t n, bool adds, float* to);

/// An error tensor to which a step adds others, element by element.
class ErrorSum {
 public:
  /// `exponent`: that of the tensor, which is set. `adds`: to what is there, else to zeros. No element gets more than
  /// `terms` >= 1 others, whose `magnitudes` are known and count from `unit`.
  ErrorSum(int16_t* values, uint32_t n, int32_t* exponent, bool adds, uint32_t magnitudes, int32_t unit,
           uint32_t terms);

  /// Adds others to all elements, times sign.
  void AddAll(int32_t sign, const int16_t* others, uint32_t n) const;

  /// Adds another element.
  void Add(uint32_t i, int32_t value) const {
    values_[i] = ToInt16(values_[i] + (left_ != 0 ? value * (1 << left_) : ShiftRight(value, right_)));
  }

 private:
  int16_t* values_;
  int32_t left_ = 0, right_ = 0;
};

/// An error tensor that a step writes or adds to in rows of sums, ascending. Its exponent is the least with which the
/// largest sum so far fits: when a larger one comes, what is there is shifted.
class ErrorRows {
 public:
  /// `unit`: exponent of the sums; `exponent`: that of the tensor, set at the end.
  ErrorRows(int16_t* values, uint32_t n, int32_t* exponent, bool adds, int32_t unit);
  ErrorRows(const ErrorRows&) = delete;
  ErrorRows& operator=(const ErrorRows&) = delete;
  ~ErrorRows() { *exponent_ = unit_ + shift_; }

  /// The sums of elements [at, at + n), a row; or of several rows, with what they would make one after the other.
  void Put(uint32_t at, const int32_t* sums, uint32_t n, uint32_t rows = 1);

 private:
  bool Fits(uint32_t at, const int32_t* sums, uint32_t n) const;
  void Write(uint32_t at, const int32_t* sums, uint32_t n);
  void Grow(int32_t shift, uint32_t done);

  int16_t* values_;
  uint32_t elements_;
  int32_t* exponent_;
  int32_t unit_;
  int32_t shift_ = 0;
  bool adds_;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_INT16_ERRORS_H_
