// Fast CONV_2D in float, alone and fused with a max-pool that is its only reader. Geometry: ConvShape, PoolShape.
#ifndef TFLM_TRAIN_KERNELS_FAST_CONV_2D_H_
#define TFLM_TRAIN_KERNELS_FAST_CONV_2D_H_

#include "tflm_train/kernels/gradient_sums.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/runtime/cold.h"

namespace tflm_train {
namespace fast {

void Conv2DForward(const ConvShape& conv, Activation activation, const float* x, const float* w, const float* bias,
                   float* y, uint64_t& macs);

/// `argmax` may be null.
TFLM_TRAIN_COLD void PooledConv2DForward(const ConvShape& conv, const PoolShape& pool, Activation activation,
                                         const float* x, const float* w, const float* bias, float* y, uint8_t* argmax,
                                         uint64_t& macs);

/// The selected ones of the errors behind a convolution, or behind the max-pool that is its only reader: one
/// description for both, so that the backward pass is compiled once.
struct ConvErrors {
  const ConvShape& conv;
  const PoolShape& pool;  // PoolOfOne(conv) if there is none
  const uint8_t* argmax;  // null if there is none
  const Selection& selection;
  const float* dy;
};

/// dx += errors scattered through the filters.
void Conv2DInputError(const ConvErrors& errors, const float* w, float* dx, uint64_t& macs);

/// dw += scale * errors times the inputs under them, summed in `sums` before dw is touched.
void Conv2DWeightGradient(const ConvErrors& errors, const float* x, float scale, const GradientSums<float>& sums,
                          float* dw, uint64_t& macs);

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_CONV_2D_H_
