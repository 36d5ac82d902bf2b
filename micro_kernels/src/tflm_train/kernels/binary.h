// Functions of two elements with numpy broadcasting, each with its value and its two slopes: DIV, SQUARED_DIFFERENCE,
// MAXIMUM, MINIMUM. The forward step is BinaryForward of arithmetic.h.
#ifndef TFLM_TRAIN_KERNELS_BINARY_H_
#define TFLM_TRAIN_KERNELS_BINARY_H_

#include "tflm_train/kernels/arithmetic.h"

namespace tflm_train {

struct DivFunction {
  template <class T>
  static T Value(T a, T b) {
    return a / b;
  }
  template <class T>
  static T SlopeOfA(T, T b) {
    return T(1) / b;
  }
  template <class T>
  static T SlopeOfB(T a, T b) {
    return -a / (b * b);
  }
};

struct SquaredDifferenceFunction {
  template <class T>
  static T Value(T a, T b) {
    return (a - b) * (a - b);
  }
  template <class T>
  static T SlopeOfA(T a, T b) {
    return T(2) * (a - b);
  }
  template <class T>
  static T SlopeOfB(T a, T b) {
    return T(2) * (b - a);
  }
};

/// Of equal operands the first one counts, as in TensorFlow.
struct MaximumFunction {
  template <class T>
  static T Value(T a, T b) {
    return a < b ? b : a;
  }
  template <class T>
  static T SlopeOfA(T a, T b) {
    return static_cast<T>(a >= b);
  }
  template <class T>
  static T SlopeOfB(T a, T b) {
    return static_cast<T>(a < b);
  }
};

struct MinimumFunction {
  template <class T>
  static T Value(T a, T b) {
    return b < a ? b : a;
  }
  template <class T>
  static T SlopeOfA(T a, T b) {
    return static_cast<T>(a <= b);
  }
  template <class T>
  static T SlopeOfB(T a, T b) {
    return static_cast<T>(a > b);
  }
};

/// d += dy f'(a, b), for the error of a, or of b. `walk`: BroadcastWalk(shape of dy, of a, of b).
template <class Function, bool kOfB, class X, class T>
void BinaryBackward(const StridedWalk& walk, const X* a, const X* b, const T* dy, T* d) {
  const ptrdiff_t step_a = walk.row_stride_a(), step_b = walk.row_stride_b();
  ForEachRow(walk, [&](size_t first, ptrdiff_t at_a, ptrdiff_t at_b) {
    const T* row = dy + first;
    const X *row_a = a + at_a, *row_b = b + at_b;
    T* target = d + (kOfB ? at_b : at_a);
    for (uint32_t i = 0; i < walk.row_elements(); ++i, row_a += step_a, row_b += step_b) {
      *target +=
          row[i] * static_cast<T>(kOfB ? Function::SlopeOfB(*row_a, *row_b) : Function::SlopeOfA(*row_a, *row_b));
      target += kOfB ? step_b : step_a;
    }
  });
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_BINARY_H_
