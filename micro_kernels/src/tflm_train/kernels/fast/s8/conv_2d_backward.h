// Fast backward pass of CONV_2D in int8: float errors, int8 weights and inputs.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_BACKWARD_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_BACKWARD_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/conv_2d.h"
#include "tflm_train/kernels/s8/operands.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// dx += errors scattered through the filters, of which as many become floats at a time as `workspace` holds, at least
/// one; it also holds the strip if it is as long.
void Conv2DInputError(const ConvErrors& errors, const ScaledWeights& w, float* dx, Workspace<float> workspace,
                      uint64_t& macs);

/// What becomes of a whole row of the gradient, that of the n weights of a channel.
struct RowEnd {
  void (*run)(const void* sink, uint32_t channel, const float* row, uint32_t n);
  const void* sink;
};

/// Floats of the workspace of Conv2DWeightGradient besides rows: of the image what a row of windows covers, or as many
/// of its windows as a strip may be long, at least one.
TFLM_TRAIN_COLD uint32_t WindowStrip(const ConvShape& conv, const PoolShape& pool);

/// Rows of the weight gradient, of the selected channels. As many at a time as `workspace` holds behind a strip, at
/// least one: it has room for that and a window.
void Conv2DWeightGradient(const ConvErrors& errors, const ShiftedInput& x, Workspace<float> workspace,
                          const RowEnd& end, uint64_t& macs);

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_BACKWARD_H_
