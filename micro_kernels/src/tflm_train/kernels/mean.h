// MEAN over adjacent dimensions: x [outer, reduced, inner], y [outer, inner].
#ifndef TFLM_TRAIN_KERNELS_MEAN_H_
#define TFLM_TRAIN_KERNELS_MEAN_H_

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

struct MeanShape {
  uint32_t outer, reduced, inner;
};

template <class T>
void MeanForward(const MeanShape& s, const T* x, T* y) {
  for (uint32_t o = 0; o < s.outer; ++o, y += s.inner) {
    Fill(T(0), y, s.inner);
    for (uint32_t r = 0; r < s.reduced; ++r, x += s.inner) {
      for (uint32_t i = 0; i < s.inner; ++i) y[i] += x[i];
    }
    for (uint32_t i = 0; i < s.inner; ++i) y[i] /= static_cast<T>(s.reduced);
  }
}

template <class T>
void MeanBackward(const MeanShape& s, const T* dy, bool accumulate, T* dx) {
  const T share = T(1) / static_cast<T>(s.reduced);
  for (uint32_t o = 0; o < s.outer; ++o, dy += s.inner) {
    for (uint32_t r = 0; r < s.reduced; ++r, dx += s.inner) {
      PutError(accumulate, dx, s.inner, [=](uint32_t i) { return share * dy[i]; });
    }
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_MEAN_H_
