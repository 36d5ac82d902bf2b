// Fast backward pass of CONV_2D in int8: float errors, int8 weights.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_BACKWARD_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_BACKWARD_H_

#include "tflm_train/kernels/fast/conv_2d.h"
#include "tflm_train/kernels/s8/operands.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// dx += errors scattered through the filters, of which as many become floats at a time as `workspace` holds, at least
/// one; it also holds the strip if it is as long.
void Conv2DInputError(const ConvErrors& errors, const ScaledWeights& w, float* dx, Workspace<float> workspace,
                      uint64_t& macs);

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_BACKWARD_H_
