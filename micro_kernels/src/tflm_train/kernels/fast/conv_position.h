// One output position of a convolution of any geometry, four output channels at a time.
#ifndef TFLM_TRAIN_KERNELS_FAST_CONV_POSITION_H_
#define TFLM_TRAIN_KERNELS_FAST_CONV_POSITION_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {
namespace fast {

/// Channels [first, first + count) of the output at (row, column), before bias and activation, to out[0, count).
TFLM_TRAIN_COLD void ComputePosition(const ConvShape& s, const float* x, const float* w, int32_t row, int32_t column,
                                     int32_t first, int32_t count, float* out);

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_CONV_POSITION_H_
