// Functions of one element, each with its value and its slope: EXP, LOG, ELU, NEG, ABS, SQRT, RSQRT, SQUARE.
#ifndef TFLM_TRAIN_KERNELS_UNARY_H_
#define TFLM_TRAIN_KERNELS_UNARY_H_

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/math.h"

namespace tflm_train {

/// y = exp(x); the slope from y.
struct ExpFunction {
  template <class T>
  static T Value(T x) {
    return Exp(x);
  }
  template <class T>
  static T Slope(T y) {
    return y;
  }
};

/// y = log(x); the slope from x.
struct LogFunction {
  template <class T>
  static T Value(T x) {
    return Log(x);
  }
  template <class T>
  static T Slope(T x) {
    return T(1) / x;
  }
};

/// y = x > 0 ? x : exp(x) - 1 (Clevert et al., Fast and Accurate Deep Network Learning by Exponential Linear Units,
/// with alpha = 1); the slope from y, which has the sign of x.
struct EluFunction {
  template <class T>
  static T Value(T x) {
    return x > T(0) ? x : Exp(x) - T(1);
  }
  template <class T>
  static T Slope(T y) {
    return y > T(0) ? T(1) : y + T(1);
  }
};

/// y = -x; the slope reads nothing that matters.
struct NegFunction {
  template <class T>
  static T Value(T x) {
    return -x;
  }
  template <class T>
  static T Slope(T) {
    return T(-1);
  }
};

/// y = |x|; the slope from x, 0 at 0 as in TensorFlow.
struct AbsFunction {
  template <class T>
  static T Value(T x) {
    return x < T(0) ? -x : x;
  }
  template <class T>
  static T Slope(T x) {
    return static_cast<T>((x > T(0)) - (x < T(0)));
  }
};

/// y = sqrt(x); the slope from y.
struct SqrtFunction {
  template <class T>
  static T Value(T x) {
    return Sqrt(x);
  }
  template <class T>
  static T Slope(T y) {
    return T(0.5) / y;
  }
};

/// y = 1 / sqrt(x); the slope from y.
struct RsqrtFunction {
  template <class T>
  static T Value(T x) {
    return T(1) / Sqrt(x);
  }
  template <class T>
  static T Slope(T y) {
    return T(-0.5) * y * y * y;
  }
};

/// y = x^2; the slope from x.
struct SquareFunction {
  template <class T>
  static T Value(T x) {
    return x * x;
  }
  template <class T>
  static T Slope(T x) {
    return T(2) * x;
  }
};

/// y = f(x). y may be x.
template <class Function, class T>
void UnaryForward(const T* x, uint32_t n, T* y) {
  for (uint32_t i = 0; i < n; ++i) y[i] = Function::Value(x[i]);
}

/// dx = dy f'(x), f' from `saved`: x or y. dx may be dy.
template <class Function, class T>
void UnaryBackward(const T* saved, const T* dy, uint32_t n, bool accumulate, T* dx) {
  PutError(accumulate, dx, n, [=](uint32_t i) { return dy[i] * Function::Slope(saved[i]); });
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_UNARY_H_
