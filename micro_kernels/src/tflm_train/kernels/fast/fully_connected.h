// Fast FULLY_CONNECTED in float: y[b, o] = activation(bias[o] + sum_i x[b, i] w[o, i]).
// Each function does what its plain twin in kernels/fully_connected.h does.
#ifndef TFLM_TRAIN_KERNELS_FAST_FULLY_CONNECTED_H_
#define TFLM_TRAIN_KERNELS_FAST_FULLY_CONNECTED_H_

#include "tflm_train/kernels/fully_connected.h"

namespace tflm_train {
namespace fast {

/// Four outputs at once. `bias` may be null.
void FullyConnectedForward(const DenseShape& shape, Activation activation, const float* x, const float* w,
                           const float* bias, float* y, uint64_t& macs);

void FullyConnectedInputError(const DenseShape& shape, const Selection& selection, const float* dy,
                              const float* w, float* dx, uint64_t& macs);

void FullyConnectedWeightGradient(const DenseShape& shape, const Selection& selection, const float* dy,
                                  const float* x, float scale, float* dw, uint64_t& macs);

/// Input error and weight update of one sample in one pass over the selected rows of w, which is both read and the
/// destination: dx += dy w, then w += scale dy x. shape.batch is 1.
void FullyConnectedUpdate(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                          float scale, float* w, float* dx, WorkCounters& work);

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_FULLY_CONNECTED_H_
