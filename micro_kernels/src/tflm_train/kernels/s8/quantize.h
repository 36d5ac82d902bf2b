// QUANTIZE and DEQUANTIZE: number = scale * (stored - zero_point), as TensorFlow Lite Micro rounds it.
#ifndef TFLM_TRAIN_KERNELS_S8_QUANTIZE_H_
#define TFLM_TRAIN_KERNELS_S8_QUANTIZE_H_

#include <cstdint>
#include <limits>

namespace tflm_train {
namespace s8 {

struct Affine {
  float scale;
  int32_t zero_point;
};

/// To nearest, ties away from zero; what lies outside the type becomes its nearest end.
template <class Integer>
void Quantize(const Affine& affine, const float* x, uint32_t n, Integer* y) {
  constexpr int32_t kLow = std::numeric_limits<Integer>::min(), kHigh = std::numeric_limits<Integer>::max();
  for (uint32_t i = 0; i < n; ++i) {
    const float units = x[i] / affine.scale;
    int32_t whole = 0;
    if (units > 512.0f || units < -512.0f) {
      whole = units > 0.0f ? 512 : -512;
    } else if (units == units) {
      whole = static_cast<int32_t>(units);
      const float rest = units - static_cast<float>(whole);  // exact
      whole += (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
    }
    const int32_t stored = whole + affine.zero_point;
    y[i] = static_cast<Integer>(stored < kLow ? kLow : stored > kHigh ? kHigh : stored);
  }
}

template <class Integer>
void Dequantize(const Affine& affine, const Integer* x, uint32_t n, float* y) {
  for (uint32_t i = 0; i < n; ++i) y[i] = affine.scale * static_cast<float>(x[i] - affine.zero_point);
}

/// dx = dy, or += dy, where the integer is not at an end of its type: beyond that the slope is 0.
template <class Integer>
void QuantizeBackward(const Integer* y, const float* dy, uint32_t n, bool accumulate, float* dx) {
  for (uint32_t i = 0; i < n; ++i) {
    const bool passes = y[i] > std::numeric_limits<Integer>::min() && y[i] < std::numeric_limits<Integer>::max();
    const float error = passes ? dy[i] : 0.0f;
    dx[i] = accumulate ? dx[i] + error : error;
  }
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_QUANTIZE_H_
