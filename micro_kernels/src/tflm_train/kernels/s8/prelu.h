// PRELU in int8: y = x where x is not negative, else x w; x [positions, slopes].
#ifndef TFLM_TRAIN_KERNELS_S8_PRELU_H_
#define TFLM_TRAIN_KERNELS_S8_PRELU_H_

#include "tflm_train/kernels/prelu.h"
#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace s8 {

/// `stage`: channel 0 from the input's scale, channel 1 from that of products x w.
inline void PreluForward(const PreluShape& s, int32_t x_zero, int32_t w_zero, const int8_t* x, const int8_t* w,
                         const OutputStage& stage, int8_t* y, WorkCounters& work) {
  for (uint32_t first = 0; first < s.elements(); first += s.slopes) {
    for (uint32_t i = 0; i < s.slopes; ++i) {
      const int32_t value = x[first + i] - x_zero;
      y[first + i] = value >= 0 ? stage.Apply(value, 0) : stage.Apply(value * (w[i] - w_zero), 1);
    }
  }
  Count(work.forward, s.elements());
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_PRELU_H_
