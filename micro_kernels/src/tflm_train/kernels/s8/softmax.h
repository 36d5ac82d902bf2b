// SOFTMAX over the last dimension in int8, as TensorFlow Lite Micro computes it: y = 256 exp(-d) / sum exp(-d) - 128, d
// being what lies between an element and the largest one. The exponentials come from a table of the converter's.
#ifndef TFLM_TRAIN_KERNELS_S8_SOFTMAX_H_
#define TFLM_TRAIN_KERNELS_S8_SOFTMAX_H_

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace s8 {

/// exp(-beta scale d) for the integers d = 0 .. entries - 1, in units of 2^-31; of larger ones it is 0.
struct Exponentials {
  const int32_t* values;
  uint32_t entries;

  int32_t At(int32_t distance) const { return static_cast<uint32_t>(distance) < entries ? values[distance] : 0; }
};

/// So many elements can be added: each is at most 2^19.
inline constexpr uint32_t kMaxSoftmaxColumns = 4095;

/// 1 / (1 + a) for a fraction a in [0, 1), both in units of 2^-31: Newton's method, three steps from 48/17 - 32/17 d
/// for the divisor d = (1 + a) / 2, in the fixed-point arithmetic of gemmlowp.
inline int32_t ReciprocalOfOnePlus(int32_t a) {
  const auto half = static_cast<int32_t>((int64_t{a} + INT32_MAX + 1) / 2);
  constexpr int32_t kOne = int32_t{1} << 29;  // with two integer bits, as all that follow
  int32_t x = WrappingAdd(1515870810, MultiplyHigh(half, -1010580540));
  for (int32_t i = 0; i < 3; ++i) {
    const int32_t error = WrappingAdd(kOne, WrappingMultiply(-1, MultiplyHigh(half, x)));
    x = WrappingAdd(x, WrappingMultiply(MultiplyHigh(x, error), 4));
  }
  return x >= int32_t{1} << 30 ? INT32_MAX : WrappingMultiply(x, 2);
}

/// x, y [rows, n], n <= kMaxSoftmaxColumns. The first exponential is positive, none negative. y may be x.
inline void SoftmaxForward(uint32_t rows, uint32_t n, const Exponentials& exponentials, const int8_t* x, int8_t* y) {
  for (uint32_t row = 0; row < rows; ++row, x += n, y += n) {
    int32_t largest = x[0];
    for (uint32_t i = 1; i < n; ++i) {
      if (largest < x[i]) largest = x[i];
    }
    uint32_t sum = 0;  // with 19 fraction bits
    for (uint32_t i = 0; i < n; ++i) {
      sum += static_cast<uint32_t>(DivideByPowerOfTwo(exponentials.At(largest - x[i]), 12));
    }
    int32_t exponent = 23 + 12;  // of two: what the sum is above 1, and from 31 bits to 8
    while (sum < uint32_t{1} << 31) {
      sum <<= 1;
      --exponent;
    }
    const int32_t scale = ReciprocalOfOnePlus(static_cast<int32_t>(sum - (uint32_t{1} << 31)));
    for (uint32_t i = 0; i < n; ++i) {
      const int32_t product = MultiplyHigh(scale, exponentials.At(largest - x[i]));
      const int32_t value = exponent > 31 ? 0 : DivideByPowerOfTwo(product, exponent);
      y[i] = static_cast<int8_t>(value > 255 ? 127 : value - 128);
    }
  }
}

/// dx_i = beta p_i (dy_i - sum_j p_j dy_j) for p = (y + 128) / 256. dx may be dy.
inline void SoftmaxBackward(uint32_t rows, uint32_t n, float beta, const int8_t* y, const float* dy, bool accumulate,
                            float* dx) {
  for (uint32_t row = 0; row < rows; ++row, y += n, dy += n, dx += n) {
    const auto part = [y](uint32_t i) { return static_cast<float>(y[i] + 128) * (1.0f / 256); };
    float mean = 0.0f;
    for (uint32_t i = 0; i < n; ++i) mean += part(i) * dy[i];
    PutError(accumulate, dx, n, [=](uint32_t i) { return beta * part(i) * (dy[i] - mean); });
  }
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_SOFTMAX_H_
