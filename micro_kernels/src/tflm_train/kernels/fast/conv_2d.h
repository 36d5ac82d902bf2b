// Fast CONV_2D in float, alone and fused with a max-pool that is its only reader. Geometry: ConvShape, PoolShape.
#ifndef TFLM_TRAIN_KERNELS_FAST_CONV_2D_H_
#define TFLM_TRAIN_KERNELS_FAST_CONV_2D_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/kernels/selected_elements.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/kernels/workspace.h"

namespace tflm_train {
namespace fast {

/// Without a workspace that holds the strip of a row of tiles, tiles at the border are gathered one by one.
void Conv2DForward(const ConvShape& conv, Activation activation, const float* x, const float* w, const float* bias,
                   float* y, const Workspace<float>& workspace, uint64_t& macs);

/// `argmax` may be null. As above.
TFLM_TRAIN_COLD void PooledConv2DForward(const ConvShape& conv, const PoolShape& pool, Activation activation,
                                         const float* x, const float* w, const float* bias, float* y, uint8_t* argmax,
                                         const Workspace<float>& workspace, uint64_t& macs);

/// Floats of the strip that spares the backward pass of such a convolution tests of bounds; 0 where all windows are
/// inside the image, or a strip would be too long.
TFLM_TRAIN_COLD uint32_t BackwardStrip(const ConvShape& conv, const PoolShape& pool);

/// The selected ones of the errors behind a convolution, or behind the max-pool that is its only reader: one
/// description for both, so that the backward pass is compiled once.
struct ConvErrors {
  const ConvShape& conv;
  const PoolShape& pool;  // PoolOfOne(conv) if there is none
  const uint8_t* argmax;  // null if there is none
  const Selection& selection;
  const float* dy;
};

/// The front of the workspace as a strip, if one is wanted and leaves room for `others`; else null.
TFLM_TRAIN_COLD float* TakeStrip(const ConvErrors& errors, uint32_t others, Workspace<float>* workspace);

/// dx += errors of some channels scattered through their filters. `strip`: of TakeStrip.
void ScatterErrors(const ConvErrors& errors, const ChannelRange& channels, const float* filters, float* strip,
                   float* dx, uint64_t& macs);

/// The other way round: the image's patches under the errors of some channels, times these, summed into their filters.
void SumPatches(const ConvErrors& errors, const ChannelRange& channels, const float* image, float* filters,
                uint64_t& macs);

/// dx += errors scattered through the filters. `workspace` may be too short for the strip of a row of windows, which
/// takes longer then.
void Conv2DInputError(const ConvErrors& errors, const float* w, float* dx, Workspace<float> workspace, uint64_t& macs);

/// Rows of dw, the errors times the inputs under them, for `sink` to finish: summed in `workspace` before dw is
/// touched. It holds the strip if it is as long, and behind it at least a row.
void Conv2DWeightGradient(const ConvErrors& errors, const float* x, const RowSink<float>& sink,
                          Workspace<float> workspace, float* dw, uint64_t& macs);

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_CONV_2D_H_
