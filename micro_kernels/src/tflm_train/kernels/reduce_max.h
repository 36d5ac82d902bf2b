// REDUCE_MAX over adjacent dimensions: x [outer, reduced, inner], y [outer, inner].
#ifndef TFLM_TRAIN_KERNELS_REDUCE_MAX_H_
#define TFLM_TRAIN_KERNELS_REDUCE_MAX_H_

#include "tflm_train/kernels/mean.h"

namespace tflm_train {

template <class T>
void ReduceMaxForward(const MeanShape& s, const T* x, T* y) {
  for (uint32_t o = 0; o < s.outer; ++o, y += s.inner) {
    for (uint32_t i = 0; i < s.inner; ++i) y[i] = x[i];
    for (uint32_t r = 0; r < s.reduced; ++r, x += s.inner) {
      for (uint32_t i = 0; i < s.inner; ++i) {
        if (y[i] < x[i]) y[i] = x[i];
      }
    }
  }
}

/// Equal maxima share the error, as in TensorFlow.
template <class X, class T>
void ReduceMaxBackward(const MeanShape& s, const X* x, const X* y, const T* dy, bool accumulate, T* dx) {
  for (uint32_t o = 0; o < s.outer; ++o, y += s.inner, dy += s.inner) {
    for (uint32_t i = 0; i < s.inner; ++i) {
      uint32_t maxima = 0;
      for (uint32_t r = 0; r < s.reduced; ++r) maxima += x[r * s.inner + i] == y[i];
      const T share = dy[i] / static_cast<T>(maxima);
      for (uint32_t r = 0; r < s.reduced; ++r) {
        const uint32_t at = r * s.inner + i;
        PutError(accumulate, dx + at, 1, [=](uint32_t) { return x[at] == y[i] ? share : T(0); });
      }
    }
    x += s.reduced * s.inner;
    dx += s.reduced * s.inner;
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_REDUCE_MAX_H_
