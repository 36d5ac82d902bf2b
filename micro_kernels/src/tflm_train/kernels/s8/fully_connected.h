// FULLY_CONNECTED in int8: y[b, o] = stage(sum_i (x[b, i] - x_zero) w[o, i] + bias[o]).
#ifndef TFLM_TRAIN_KERNELS_S8_FULLY_CONNECTED_H_
#define TFLM_TRAIN_KERNELS_S8_FULLY_CONNECTED_H_

#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/kernels/s8/inner.h"

namespace tflm_train {
namespace s8 {

/// `bias` may be null.
inline void FullyConnectedForward(const DenseShape& s, int32_t x_zero, const int8_t* x, const int8_t* w,
                                  const int32_t* bias, const OutputStage& stage, int8_t* y, WorkCounters& work) {
  for (uint32_t b = 0; b < s.batch; ++b, x += s.inputs, y += s.outputs) {
    const int8_t* row = w;
    for (uint32_t o = 0; o < s.outputs; ++o, row += s.inputs) {
      int32_t sum = Dot(0, x, x_zero, row, s.inputs);
      if (bias != nullptr) sum = WrappingAdd(sum, bias[o]);
      y[o] = stage.Apply(sum, o);
    }
  }
  Count(work.forward, uint64_t{s.output_elements()} * s.inputs);
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_FULLY_CONNECTED_H_
