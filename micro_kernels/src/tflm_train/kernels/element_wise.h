// Element-wise activations that are no clamp: LOGISTIC, TANH, LEAKY_RELU, HARD_SWISH. An output may share the memory of
// its input, dx that of dy.
#ifndef TFLM_TRAIN_KERNELS_ELEMENT_WISE_H_
#define TFLM_TRAIN_KERNELS_ELEMENT_WISE_H_

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/math.h"

namespace tflm_train {

/// y = 1 / (1 + exp(-x)).
template <class T>
void LogisticForward(const T* x, uint32_t n, T* y) {
  for (uint32_t i = 0; i < n; ++i) y[i] = T(1) / (T(1) + Exp(-x[i]));
}

template <class T>
void LogisticBackward(const T* y, const T* dy, uint32_t n, bool accumulate, T* dx) {
  PutError(accumulate, dx, n, [=](uint32_t i) { return dy[i] * (y[i] * (T(1) - y[i])); });
}

template <class T>
void TanhForward(const T* x, uint32_t n, T* y) {
  for (uint32_t i = 0; i < n; ++i) y[i] = Tanh(x[i]);
}

template <class T>
void TanhBackward(const T* y, const T* dy, uint32_t n, bool accumulate, T* dx) {
  PutError(accumulate, dx, n, [=](uint32_t i) { return dy[i] * (T(1) - y[i] * y[i]); });
}

/// y = x > 0 ? x : alpha * x.
template <class T>
void LeakyReluForward(T alpha, const T* x, uint32_t n, T* y) {
  for (uint32_t i = 0; i < n; ++i) y[i] = x[i] > T(0) ? x[i] : alpha * x[i];
}

/// alpha >= 0: the sign of y is that of x.
template <class T>
void LeakyReluBackward(T alpha, const T* y, const T* dy, uint32_t n, bool accumulate, T* dx) {
  PutError(accumulate, dx, n, [=](uint32_t i) { return y[i] > T(0) ? dy[i] : alpha * dy[i]; });
}

/// y = x * clamp(x + 3, 0, 6) / 6 (Howard et al., Searching for MobileNetV3, section 5.2).
template <class T>
void HardSwishForward(const T* x, uint32_t n, T* y) {
  for (uint32_t i = 0; i < n; ++i) {
    const T shifted = x[i] + T(3);
    const T clamped = shifted < T(0) ? T(0) : (T(6) < shifted ? T(6) : shifted);
    y[i] = x[i] * clamped / T(6);
  }
}

/// dy/dx = 0 below -3, 1 above 3, (2 x + 3) / 6 between.
template <class T>
void HardSwishBackward(const T* x, const T* dy, uint32_t n, bool accumulate, T* dx) {
  PutError(accumulate, dx, n, [=](uint32_t i) {
    if (x[i] <= T(-3)) return T(0);
    return x[i] >= T(3) ? dy[i] : dy[i] * ((T(2) * x[i] + T(3)) / T(6));
  });
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_ELEMENT_WISE_H_
