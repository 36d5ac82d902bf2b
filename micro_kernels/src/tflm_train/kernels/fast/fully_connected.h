// Fast FULLY_CONNECTED in float: y[b, o] = activation(bias[o] + sum_i x[b, i] w[o, i]).
// Each function does what its plain twins in kernels/fully_connected.h do.
#ifndef TFLM_TRAIN_KERNELS_FAST_FULLY_CONNECTED_H_
#define TFLM_TRAIN_KERNELS_FAST_FULLY_CONNECTED_H_

#include "tflm_train/kernels/fully_connected.h"

namespace tflm_train {
namespace fast {

/// Four outputs at once. `bias` may be null.
void FullyConnectedForward(const DenseShape& shape, Activation activation, const float* x, const float* w,
                           const float* bias, float* y, uint64_t& macs);

/// Input error and weight gradient: dx += dy w from the weights before target += scale dy x. dx or `target` may be null,
/// and `target` may be w.
void FullyConnectedBackward(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                            const float* w, float scale, float* target, float* dx, WorkCounters& work);

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_FULLY_CONNECTED_H_
