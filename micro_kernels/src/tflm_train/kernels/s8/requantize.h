// From one integer scale to another by fixed-point factors, as TensorFlow Lite Micro does it: no float, and the same
// bits as there.
#ifndef TFLM_TRAIN_KERNELS_S8_REQUANTIZE_H_
#define TFLM_TRAIN_KERNELS_S8_REQUANTIZE_H_

#include <cstddef>
#include <cstdint>

namespace tflm_train {

/// Sums and products modulo 2^32: those of a sound model never leave 31 bits, those of a hostile one must be defined.
constexpr int32_t WrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}
constexpr int32_t WrappingMultiply(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b));
}

/// (a * b + 2^30) / 2^31 rounded down: the product of two fractions with 31 bits, ties up. Not both may be -2^31.
constexpr int32_t MultiplyHigh(int32_t a, int32_t b) {
  return static_cast<int32_t>((int64_t{a} * b + (int64_t{1} << 30)) >> 31);
}

/// value / 2^exponent to nearest, ties away from zero; exponent in [0, 31].
constexpr int32_t DivideByPowerOfTwo(int32_t value, int32_t exponent) {
  const uint32_t mask = (uint32_t{1} << exponent) - 1;
  const uint32_t half = (mask >> 1) + (value < 0 ? 1 : 0);
  return (value >> exponent) + ((static_cast<uint32_t>(value) & mask) > half ? 1 : 0);
}

/// Whether a pair may be one of Factors.
constexpr bool IsFactor(int32_t multiplier, int32_t shift) { return multiplier >= 0 && shift >= -31 && shift <= 30; }

/// value * multiplier / 2^31 * 2^shift, rounded twice: after the multiplication (ties up) and after a shift to the
/// right (ties away from zero). multiplier >= 0, shift in [-31, 30].
constexpr int32_t Requantize(int32_t value, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  return DivideByPowerOfTwo(MultiplyHigh(WrappingMultiply(value, int32_t{1} << left), multiplier), right);
}

/// Pairs of multiplier and shift as they lie in a plan: one for all channels (step 0), or one for each (step 2).
struct Factors {
  const int32_t* pairs;
  uint32_t step;

  int32_t Requantize(int32_t value, uint32_t channel) const {
    const int32_t* pair = pairs + size_t{channel} * step;
    return tflm_train::Requantize(value, pair[0], pair[1]);
  }
};

/// Range of an int8 output under its fused activation. An error passes where low < y < high.
struct Int8Range {
  int32_t low, high;

  constexpr int8_t Clamp(int32_t value) const {
    return static_cast<int8_t>(value < low ? low : (high < value ? high : value));
  }
  constexpr bool Passes(int8_t y) const { return low < y && y < high; }
};

/// What a kernel makes of an int32 sum: another scale, a zero point, a clamp.
struct OutputStage {
  Factors factors;
  int32_t zero_point, low, high;

  int8_t Apply(int32_t sum, uint32_t channel) const { return Clamp(factors.Requantize(sum, channel)); }
  /// Of a value in the output's scale.
  int8_t Clamp(int32_t value) const { return Int8Range{low, high}.Clamp(WrappingAdd(value, zero_point)); }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_REQUANTIZE_H_
