#include "tflm_train/kernels/s8/int16_errors.h"

#include <cstring>

#include "tflm_train/kernels/fast/s8/inner.h"

namespace tflm_train {
namespace {

namespace inner = fast::s8::inner;

constexpr uint32_t kFractionBits = 23;
constexpr int32_t kBias =
    127 + static_cast<int32_t>(kFractionBits);  // a float is an integer below 2^24 * 2^(e - kBias)

/// The bits of a float where integers may have been written in front of it.
uint32_t LoadBits(const float* from) {
  uint32_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return bits;
}

/// A finite float as an integer with 24 bits or fewer and its exponent.
struct Whole {
  explicit Whole(uint32_t bits)
      : value(static_cast<int32_t>(bits & ((1u << kFractionBits) - 1))),
        exponent(static_cast<int32_t>(bits >> kFractionBits & 0xff)) {
    if (exponent == 0) {
      exponent = 1;
    } else {
      value |= 1 << kFractionBits;
    }
    exponent -= kBias;
    if (bits >> 31 != 0) value = -value;
  }
  int32_t value, exponent;
};

}  // namespace

void ShiftErrors(int32_t shift, int16_t* values, uint32_t n) {
  if (shift == 0) return;
  for (uint32_t i = 0; i < n; ++i) {
    values[i] = static_cast<int16_t>(shift > 0 ? ShiftRight(values[i], shift) : values[i] * (1 << -shift));
  }
}

uint32_t MaskClamped(int32_t low, int32_t high, const int8_t* y, uint32_t n, int16_t* dy) {
  return inner::MaskClamped(low, high, y, n, dy);
}

void FoldErrors(const int32_t* ratios, uint32_t step, uint32_t channels, int32_t shift, int16_t* values, uint32_t n) {
  inner::FoldErrors(ratios, step, channels, kErrorBits + shift, values, n / channels);
}

int32_t ErrorsFromFloats(const float* from, uint32_t n, int16_t* to) {
  uint32_t largest = 0;
  for (uint32_t i = 0; i < n; ++i) {
    const uint32_t magnitude = LoadBits(from + i) & ~(1u << 31);
    largest = magnitude > largest ? magnitude : largest;
  }
  const Whole most(largest);
  const int32_t unit = most.exponent + MagnitudeBits(static_cast<uint32_t>(most.value)) - kErrorBits;
  for (uint32_t i = 0; i < n; ++i) {
    const Whole error(LoadBits(from + i));
    const int32_t shift = unit - error.exponent;  // those with fewer bits than 15 are shifted to the left
    to[i] = ToInt16(shift >= 0 ? ShiftRight(error.value, shift) : error.value * (1 << -shift));
  }
  return largest == 0 ? 0 : unit;
}

void FloatsFromErrors(const int16_t* from, int32_t exponent, uint32_t n, bool adds, float* to) {
  // a power of two beyond those of floats in two steps; errors that small or large are 0 or infinite either way
  const int32_t limited = exponent < -252 ? -252 : exponent > 254 ? 254 : exponent;
  const int32_t first = limited / 2, second = limited - first;
  const float a = FloatOf(static_cast<uint32_t>(first + 127) << kFractionBits);
  const float b = FloatOf(static_cast<uint32_t>(second + 127) << kFractionBits);
  for (uint32_t i = 0; i < n; ++i) {
    const float error = static_cast<float>(from[i]) * a * b;
    to[i] = adds ? to[i] + error : error;
  }
}

ErrorSum::ErrorSum(int16_t* values, uint32_t n, int32_t* exponent, bool adds, uint32_t magnitudes, int32_t unit,
                   uint32_t terms)
    : values_(values) {
  const uint32_t there = adds ? Magnitudes(values, n) : 0;
  if (there == 0) {
    for (uint32_t i = 0; i < n; ++i) values[i] = 0;
  }
  // exponents of the bits above the largest magnitudes; a sum needs the bits of its number of terms more
  const int32_t old_exponent = BoundedExponent(*exponent), old_top = old_exponent + MagnitudeBits(there);
  const int32_t top = unit + MagnitudeBits(magnitudes) + MagnitudeBits(terms - 1);
  if (magnitudes == 0) {
    right_ = 32;
    if (there == 0) *exponent = 0;
    return;
  }
  const bool both = there != 0;
  const int32_t sum_top = both ? (old_top > top ? old_top : top) + 1 : top;
  const int32_t new_exponent = sum_top - kErrorBits;
  if (both) ShiftErrors(new_exponent - old_exponent, values, n);
  const int32_t shift = new_exponent - unit;
  left_ = shift < 0 ? -shift : 0;
  right_ = shift > 0 ? shift : 0;
  *exponent = new_exponent;
}

void ErrorSum::AddAll(int32_t sign, const int16_t* others, uint32_t n) const {
  constexpr uint32_t kAtATime = 32;
  int32_t sums[kAtATime];
  for (uint32_t at = 0; at < n; at += kAtATime) {
    const uint32_t count = n - at < kAtATime ? n - at : kAtATime;
    for (uint32_t i = 0; i < count; ++i) sums[i] = sign * others[at + i] * (1 << left_);
    inner::AddSums(sums, count, right_, values_ + at);
  }
}

ErrorRows::ErrorRows(int16_t* values, uint32_t n, int32_t* exponent, bool adds, int32_t unit)
    : values_(values), elements_(n), exponent_(exponent), unit_(unit), adds_(adds) {
  if (!adds) return;
  // nothing is lost below the unit of the sums, which becomes finer only with what is there
  const uint32_t there = Magnitudes(values, n);
  const int32_t finer = BoundedExponent(*exponent) - unit, room = kErrorBits - MagnitudeBits(there);
  if (there == 0 || finer <= 0) {
    ShiftErrors(there == 0 ? 0 : -finer, values, n);
    return;
  }
  const int32_t left = finer < room ? finer : room;
  ShiftErrors(-left, values, n);
  shift_ = finer - left;
}

void ErrorRows::Grow(int32_t shift, uint32_t done) {
  ShiftErrors(shift, values_, adds_ ? elements_ : done);
  shift_ += shift;
}

void ErrorRows::Put(uint32_t at, const int32_t* sums, uint32_t n, uint32_t rows) {
  // where the exponent holds all, rows make no difference
  if (rows > 1 && Fits(at, sums, rows * n)) return Write(at, sums, rows * n);
  for (; rows > 0; --rows, at += n, sums += n) {
    const int32_t more = MagnitudeBits(inner::SumMagnitudes(sums, n)) - kErrorBits - shift_;
    if (more > 0) Grow(more, at);
    if (adds_ && !Fits(at, sums, n)) Grow(1, at);
    Write(at, sums, n);
  }
}

bool ErrorRows::Fits(uint32_t at, const int32_t* sums, uint32_t n) const {
  if (MagnitudeBits(inner::SumMagnitudes(sums, n)) > kErrorBits + shift_) return false;
  return !adds_ || MagnitudeBits(inner::AddedMagnitudes(sums, n, shift_, values_ + at)) <= kErrorBits;
}

void ErrorRows::Write(uint32_t at, const int32_t* sums, uint32_t n) {
  (adds_ ? inner::AddSums : inner::PutSums)(sums, n, shift_, values_ + at);
}

}  // namespace tflm_train
