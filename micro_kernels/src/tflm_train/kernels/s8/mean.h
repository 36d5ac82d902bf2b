// SUM and MEAN over adjacent dimensions in int8: x [outer, reduced, inner], y [outer, inner]. The division of a mean is
// part of the stage's factor.
#ifndef TFLM_TRAIN_KERNELS_S8_MEAN_H_
#define TFLM_TRAIN_KERNELS_S8_MEAN_H_

#include "tflm_train/kernels/mean.h"
#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace s8 {

/// y = stage(sum (x - x_zero)).
inline void SumForward(const MeanShape& s, int32_t x_zero, const int8_t* x, const OutputStage& stage, int8_t* y) {
  for (uint32_t o = 0; o < s.outer; ++o, x += size_t{s.reduced} * s.inner, y += s.inner) {
    for (uint32_t i = 0; i < s.inner; ++i) {
      int32_t sum = 0;
      const int8_t* at = x + i;
      for (uint32_t r = 0; r < s.reduced; ++r, at += s.inner) sum = WrappingAdd(sum, *at - x_zero);
      y[i] = stage.Apply(sum, 0);
    }
  }
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_MEAN_H_
