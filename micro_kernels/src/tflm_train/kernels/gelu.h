// GELU (Hendrycks and Gimpel, Gaussian Error Linear Units): y = x P(X <= x) for a normal X, or its approximation by
// tanh.
#ifndef TFLM_TRAIN_KERNELS_GELU_H_
#define TFLM_TRAIN_KERNELS_GELU_H_

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/math.h"

namespace tflm_train {

/// P(X <= x) = (1 + erf(z)) / 2, z = x / sqrt(2). Interpolated at Chebyshev's points: erf(z) / z - 1 by z^2 up to 1,
/// log(1 - erf(z)) by z from there to 4. The largest error is 6e-8, on every target the same.
inline float NormalCdf(float x) {
  const float z = (x < 0.0f ? -x : x) * 0.70710678f;
  if (z < 1.0f) {
    const float square = z * z;
    float tail = 7.875874871388078e-05f;
    tail = tail * square - 0.000801686430349946f;
    tail = tail * square + 0.005189087241888046f;
    tail = tail * square - 0.02685421146452427f;
    tail = tail * square + 0.11283594369888306f;
    tail = tail * square - 0.3761262595653534f;
    tail = tail * square + 0.12837916612625122f;
    const float half = 0.5f * (z + z * tail);
    return x < 0.0f ? 0.5f - half : 0.5f + half;
  }
  if (!(z < 4.0f)) return x < 0.0f ? 0.0f : (x != x ? x : 1.0f);
  float log = -1.3272362e-5f;
  log = log * z + 3.1693702e-4f;
  log = log * z - 3.4323514e-3f;
  log = log * z + 2.2604773e-2f;
  log = log * z - 1.0328112e-1f;
  log = log * z - 6.3914126e-1f;
  log = log * z - 1.1258936f;
  log = log * z - 7.6589780e-4f;
  const float beyond = 0.5f * Exp(log);
  return x < 0.0f ? beyond : 1.0f - beyond;
}
inline double NormalCdf(double x) { return 0.5 * std::erfc(-x * 0.70710678118654752); }

template <class T>
struct ExactGelu {
  static T Value(T x) { return x * NormalCdf(x); }
  static T Slope(T x) { return NormalCdf(x) + x * T(0.39894228040143268) * Exp(T(-0.5) * x * x); }
};

/// y = x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
template <class T>
struct ApproximateGelu {
  static constexpr T kScale = T(0.79788456080286536), kCube = T(0.044715);
  static T Bend(T x) { return Tanh(kScale * (x + kCube * x * x * x)); }
  static T Value(T x) { return T(0.5) * x * (T(1) + Bend(x)); }
  static T Slope(T x) {
    const T t = Bend(x);
    return T(0.5) * (T(1) + t) + T(0.5) * x * (T(1) - t * t) * kScale * (T(1) + T(3) * kCube * x * x);
  }
};

template <class T>
void GeluForward(bool approximate, const T* x, uint32_t n, T* y) {
  for (uint32_t i = 0; i < n; ++i) y[i] = approximate ? ApproximateGelu<T>::Value(x[i]) : ExactGelu<T>::Value(x[i]);
}

template <class T>
void GeluBackward(bool approximate, const T* x, const T* dy, uint32_t n, bool accumulate, T* dx) {
  PutError(accumulate, dx, n, [=](uint32_t i) {
    return dy[i] * (approximate ? ApproximateGelu<T>::Slope(x[i]) : ExactGelu<T>::Slope(x[i]));
  });
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_GELU_H_
