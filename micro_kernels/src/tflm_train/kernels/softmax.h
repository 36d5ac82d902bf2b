// SOFTMAX over the last dimension, y_i = exp(beta x_i) / sum_j exp(beta x_j), and LOG_SOFTMAX, its logarithm at beta 1.
#ifndef TFLM_TRAIN_KERNELS_SOFTMAX_H_
#define TFLM_TRAIN_KERNELS_SOFTMAX_H_

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/math.h"

namespace tflm_train {

/// x, y [rows, n]. y may be x.
template <class T>
void SoftmaxForward(uint32_t rows, uint32_t n, T beta, const T* x, T* y) {
  for (; rows > 0; --rows) {
    const T* const row = x;
    T largest = *x++;
    for (; x != row + n; ++x) {
      if (largest < *x) largest = *x;
    }
    const T sum = ExpAndSum(beta, row, largest, n, y);
    for (const T* const end = y + n; y != end; ++y) *y /= sum;
  }
}

/// dx_i = beta y_i (dy_i - sum_j y_j dy_j). dx may be dy.
template <class T>
void SoftmaxBackward(uint32_t rows, uint32_t n, T beta, const T* y, const T* dy, bool accumulate, T* dx) {
  for (uint32_t row = 0; row < rows; ++row, y += n, dy += n, dx += n) {
    const T mean = Dot(T(0), y, dy, n);
    PutError(accumulate, dx, n, [=](uint32_t i) { return beta * y[i] * (dy[i] - mean); });
  }
}

/// y_i = x_i - max x - log sum_j exp(x_j - max x). y must not be x.
template <class T>
void LogSoftmaxForward(uint32_t rows, uint32_t n, const T* x, T* y) {
  for (; rows > 0; --rows, x += n, y += n) {
    T largest = x[0];
    for (uint32_t i = 1; i < n; ++i) {
      if (largest < x[i]) largest = x[i];
    }
    const T shift = largest + Log(ExpAndSum(T(1), x, largest, n, y));  // the sum is at least 1
    for (uint32_t i = 0; i < n; ++i) y[i] = x[i] - shift;
  }
}

/// dx_i = dy_i - exp(y_i) sum_j dy_j. dx may be dy.
template <class T>
void LogSoftmaxBackward(uint32_t rows, uint32_t n, const T* y, const T* dy, bool accumulate, T* dx) {
  for (uint32_t row = 0; row < rows; ++row, y += n, dy += n, dx += n) {
    T sum = T(0);
    for (uint32_t i = 0; i < n; ++i) sum += dy[i];
    PutError(accumulate, dx, n, [=](uint32_t i) { return dy[i] - Exp(y[i]) * sum; });
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_SOFTMAX_H_
