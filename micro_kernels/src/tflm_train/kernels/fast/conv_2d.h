// Fast CONV_2D in float, alone and fused with a max-pool that is its only reader. Geometry: ConvShape, PoolShape.
#ifndef TFLM_TRAIN_KERNELS_FAST_CONV_2D_H_
#define TFLM_TRAIN_KERNELS_FAST_CONV_2D_H_

#include "tflm_train/kernels/fast/error_map.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {
namespace fast {

void Conv2DForward(const ConvShape& conv, Activation activation, const float* x, const float* w, const float* bias,
                   float* y, uint64_t& macs);

/// `argmax` may be null.
void PooledConv2DForward(const ConvShape& conv, const PoolShape& pool, Activation activation, const float* x,
                         const float* w, const float* bias, float* y, uint8_t* argmax, uint64_t& macs);

/// dx += the selected errors of `map` scattered through the filters.
void Conv2DInputError(const ConvShape& conv, const ErrorMap& map, const Selection& selection, const float* dy,
                      const float* w, float* dx, uint64_t& macs);

/// dw += scale * the selected errors of `map` times the inputs under them.
void Conv2DWeightGradient(const ConvShape& conv, const ErrorMap& map, const Selection& selection, const float* dy,
                          const float* x, float scale, float* dw, uint64_t& macs);

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_CONV_2D_H_
