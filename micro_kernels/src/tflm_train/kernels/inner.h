// The loops in which nearly all time goes, in one place so that a target can have its own.
#ifndef TFLM_TRAIN_KERNELS_INNER_H_
#define TFLM_TRAIN_KERNELS_INNER_H_

#include <cstdint>

/// The pointers of one call do not overlap.
#define TFLM_TRAIN_RESTRICT __restrict

namespace tflm_train {

/// y[0..n) = value.
template <class T>
inline void Fill(T value, T* y, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) y[i] = value;
}

/// y += a * x.
template <class T>
inline void Axpy(T a, const T* TFLM_TRAIN_RESTRICT x, T* TFLM_TRAIN_RESTRICT y, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) y[i] += a * x[i];
}

/// The same for int8 weights: see s8/operands.h.
inline void Axpy(float a, const int8_t* TFLM_TRAIN_RESTRICT x, float* TFLM_TRAIN_RESTRICT y, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) y[i] += a * static_cast<float>(x[i]);
}

/// Weights whose numbers have a scale, and the error that takes it up: see s8/operands.h. Floats have none.
template <class T>
inline T Fold(const T*, T error, uint32_t) {
  return error;
}
template <class T>
inline const T* ValuesOf(const T* w) {
  return w;
}

/// sum + x . w, added in ascending order.
template <class T>
inline T Dot(T sum, const T* x, const T* w, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) sum += x[i] * w[i];
  return sum;
}

/// y += x * w, element by element.
template <class T>
inline void MultiplyAdd(const T* TFLM_TRAIN_RESTRICT x, const T* TFLM_TRAIN_RESTRICT w, T* TFLM_TRAIN_RESTRICT y,
                        uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) y[i] += x[i] * w[i];
}

/// One row of a dense layer: the input error from the old weights, then their update.
/// dx += g * w; w += a * x.
template <class T>
inline void UpdateRow(T g, T a, const T* TFLM_TRAIN_RESTRICT x, T* TFLM_TRAIN_RESTRICT w, T* TFLM_TRAIN_RESTRICT dx,
                      uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) {
    const T old = w[i];
    dx[i] += g * old;
    w[i] = old + a * x[i];
  }
}

/// dx[i] = f(i), or += f(i): how the error of an input is put. f(i) may read what dx[i] overwrites.
template <class T, class ErrorAt>
inline void PutError(bool accumulate, T* dx, uint32_t n, ErrorAt f) {
  if (accumulate) {
    for (uint32_t i = 0; i < n; ++i) dx[i] += f(i);
  } else {
    for (uint32_t i = 0; i < n; ++i) dx[i] = f(i);
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_INNER_H_
