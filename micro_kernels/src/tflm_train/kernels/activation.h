// Activations that are a clamp: fused ones, and the operators RELU, RELU6, RELU_N1_TO_1.
#ifndef TFLM_TRAIN_KERNELS_ACTIVATION_H_
#define TFLM_TRAIN_KERNELS_ACTIVATION_H_

#include <limits>

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// Range of an activation. An error passes where low < y < high.
template <class T>
struct Bounds {
  T low, high;

  explicit Bounds(Activation activation)
      : low(-std::numeric_limits<T>::infinity()), high(std::numeric_limits<T>::infinity()) {
    if (activation == Activation::kRelu || activation == Activation::kRelu6) low = T(0);
    if (activation == Activation::kRelu6) high = T(6);
    if (activation == Activation::kReluN1To1) {
      low = T(-1);
      high = T(1);
    }
  }
  /// NaN stays NaN.
  T Clamp(T value) const { return value < low ? low : (high < value ? high : value); }
  bool Passes(T y) const { return low < y && y < high; }
};

/// Zeroes the elements of the error where the activation is flat.
template <class T>
void MaskError(Activation activation, const T* y, uint32_t n, T* dy) {
  if (activation == Activation::kNone) return;
  const Bounds<T> bounds(activation);
  for (uint32_t i = 0; i < n; ++i) {
    if (!bounds.Passes(y[i])) dy[i] = T(0);
  }
}

/// y = clamp(x). y may be x.
template <class T>
void ClampForward(Activation activation, const T* x, uint32_t n, T* y) {
  const Bounds<T> bounds(activation);
  for (uint32_t i = 0; i < n; ++i) y[i] = bounds.Clamp(x[i]);
}

/// dx may be dy.
template <class T>
void ClampBackward(Activation activation, const T* y, const T* dy, uint32_t n, bool accumulate, T* dx) {
  const Bounds<T> bounds(activation);
  PutError(accumulate, dx, n, [=](uint32_t i) { return bounds.Passes(y[i]) ? dy[i] : T(0); });
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_ACTIVATION_H_
