// int8 operands of backward passes, whose errors are floats: no float copy of them exists anywhere.
#ifndef TFLM_TRAIN_KERNELS_S8_OPERANDS_H_
#define TFLM_TRAIN_KERNELS_S8_OPERANDS_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/kernels/inner.h"

namespace tflm_train {

/// Symmetric int8 weights. Their scale, one for all channels (step 0) or one for each (step 1), is part of the error
/// that multiplies them.
struct ScaledWeights {
  const int8_t* values;
  const float* scales;
  uint32_t step;

  float Fold(float error, uint32_t channel) const { return error * scales[size_t{channel} * step]; }
};
inline float Fold(const ScaledWeights& w, float error, uint32_t channel) { return w.Fold(error, channel); }
inline const int8_t* ValuesOf(const ScaledWeights& w) { return w.values; }

/// An int8 input in units of its scale: value - zero.
struct ShiftedInput {
  const int8_t* values;
  int32_t zero;

  ShiftedInput operator+(size_t n) const { return {values + n, zero}; }
  float operator[](size_t i) const { return static_cast<float>(values[i] - zero); }
};

/// y += a * x.
inline void Axpy(float a, const ShiftedInput& x, float* TFLM_TRAIN_RESTRICT y, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) y[i] += a * static_cast<float>(x.values[i] - x.zero);
}

/// An error passes an output between its bounds: where it was clamped the slope is 0.
inline void MaskClamped(int32_t low, int32_t high, const int8_t* y, uint32_t n, float* dy) {
  for (uint32_t i = 0; i < n; ++i) {
    if (y[i] <= low || y[i] >= high) dy[i] = 0.0f;
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_OPERANDS_H_
