// ADD, SUB and MUL with numpy broadcasting.
#ifndef TFLM_TRAIN_KERNELS_ARITHMETIC_H_
#define TFLM_TRAIN_KERNELS_ARITHMETIC_H_

#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/strided.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// y = f(a, b); `walk`: BroadcastWalk(shape of y, of a, of b). y may be an operand of its own shape.
template <class T, class Function>
void BroadcastForward(const StridedWalk& walk, const T* a, const T* b, T* y, Function f) {
  const ptrdiff_t step_a = walk.row_stride_a(), step_b = walk.row_stride_b();
  ForEachRow(walk, [&](size_t first, ptrdiff_t at_a, ptrdiff_t at_b) {
    const T* row_a = a + at_a;
    const T* row_b = b + at_b;
    T* row_y = y + first;
    for (uint32_t i = 0; i < walk.row_elements(); ++i, row_a += step_a, row_b += step_b) {
      row_y[i] = f(*row_a, *row_b);
    }
  });
}

/// y = act(f(a, b)).
template <class T, class Function>
void BinaryForward(const StridedWalk& walk, const T* a, const T* b, Activation activation, T* y, Function f) {
  const Bounds<T> bounds(activation);
  BroadcastForward(walk, a, b, y, [&bounds, &f](T p, T q) { return bounds.Clamp(f(p, q)); });
}

template <class T>
void AddForward(const StridedWalk& walk, const T* a, const T* b, Activation activation, T* y) {
  BinaryForward(walk, a, b, activation, y, [](T p, T q) { return p + q; });
}

template <class T>
void SubForward(const StridedWalk& walk, const T* a, const T* b, Activation activation, T* y) {
  BinaryForward(walk, a, b, activation, y, [](T p, T q) { return p - q; });
}

template <class T>
void MulForward(const StridedWalk& walk, const T* a, const T* b, Activation activation, T* y, WorkCounters& work) {
  BinaryForward(walk, a, b, activation, y, [](T p, T q) { return p * q; });
  Count(work.forward, walk.elements());
}

/// da = sign * dy for an operand of the output's shape. da may be dy.
template <class T>
void AddBackward(T sign, const T* dy, uint32_t n, bool accumulate, T* da) {
  if (da == dy && sign == T(1) && !accumulate) return;
  PutError(accumulate, da, n, [=](uint32_t i) { return sign * dy[i]; });
}

/// da += sign * dy for an operand that was broadcast; `walk`: a is the operand.
template <class T>
void AddReduceBackward(const StridedWalk& walk, T sign, const T* dy, T* da) {
  const ptrdiff_t step = walk.row_stride_a();
  ForEachRow(walk, [&](size_t first, ptrdiff_t at, ptrdiff_t) {
    const T* row = dy + first;
    T* target = da + at;
    for (uint32_t i = 0; i < walk.row_elements(); ++i, target += step) *target += sign * row[i];
  });
}

/// da += dy * b; `walk`: a is the operand whose error it is, b the other one. Serves db with the operands exchanged.
template <class T>
void MulBackward(const StridedWalk& walk, const T* b, const T* dy, T* da) {
  const ptrdiff_t step_a = walk.row_stride_a(), step_b = walk.row_stride_b();
  ForEachRow(walk, [&](size_t first, ptrdiff_t at_a, ptrdiff_t at_b) {
    const T* row = dy + first;
    const T* factor = b + at_b;
    T* target = da + at_a;
    for (uint32_t i = 0; i < walk.row_elements(); ++i, target += step_a, factor += step_b) *target += row[i] * *factor;
  });
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_ARITHMETIC_H_
