// SUM and MEAN over adjacent dimensions: x [outer, reduced, inner], y [outer, inner].
#ifndef TFLM_TRAIN_KERNELS_MEAN_H_
#define TFLM_TRAIN_KERNELS_MEAN_H_

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

struct MeanShape {
  uint32_t outer, reduced, inner;
};

/// y = sum x / divisor.
template <class T>
void SumForward(const MeanShape& s, T divisor, const T* x, T* y) {
  for (uint32_t o = 0; o < s.outer; ++o, y += s.inner) {
    Fill(T(0), y, s.inner);
    for (uint32_t r = 0; r < s.reduced; ++r, x += s.inner) {
      for (uint32_t i = 0; i < s.inner; ++i) y[i] += x[i];
    }
    for (uint32_t i = 0; i < s.inner; ++i) y[i] /= divisor;
  }
}

/// Every element that was summed gets `share` of the error.
template <class T>
void SumBackward(const MeanShape& s, T share, const T* dy, bool accumulate, T* dx) {
  for (uint32_t o = 0; o < s.outer; ++o, dy += s.inner) {
    for (uint32_t r = 0; r < s.reduced; ++r, dx += s.inner) {
      PutError(accumulate, dx, s.inner, [=](uint32_t i) { return share * dy[i]; });
    }
  }
}

template <class T>
void MeanForward(const MeanShape& s, const T* x, T* y) {
  SumForward(s, static_cast<T>(s.reduced), x, y);
}

template <class T>
void MeanBackward(const MeanShape& s, const T* dy, bool accumulate, T* dx) {
  SumBackward(s, T(1) / static_cast<T>(s.reduced), dy, accumulate, dx);
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_MEAN_H_
