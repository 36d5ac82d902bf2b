// Fast DEPTHWISE_CONV_2D in int8, the same bits as the plain one. Geometry: ConvShape.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_CONV_2D_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_CONV_2D_H_

#include "tflm_train/kernels/fast/s8/depthwise_row.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/kernels/workspace.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// What is done at a time, and where it lies in the workspace: some channels, for which a strip holds the rows under a
/// row of outputs.
struct DepthwiseBlocks {
  constexpr explicit DepthwiseBlocks(const ConvShape& s)
      : taps(s.filter_h * s.filter_w),
        rows((s.filter_h - 1) * s.dilation_h + 1),
        columns((s.out_w - 1) * s.stride_w + (s.filter_w - 1) * s.dilation_w + 1) {
    const int64_t most = (kBytes - 4 * taps) / ChannelBytes() / 4 * 4;
    const int32_t at_a_time = most < 4 ? 4 : static_cast<int32_t>(most);
    const int32_t blocks = (s.out_c + at_a_time - 1) / at_a_time;
    depth = ((s.out_c + blocks - 1) / blocks + 3) / 4 * 4;
  }
  /// UINT32_MAX for what no memory holds.
  constexpr uint32_t elements() const {
    const int64_t found = (depth * ChannelBytes() + 4 * int64_t{taps}) / 2;
    return found < UINT32_MAX ? static_cast<uint32_t>(found) : UINT32_MAX;
  }
  constexpr int64_t ChannelBytes() const { return FourChannels(taps) + int64_t{rows} * columns; }

  static constexpr int32_t kBytes = 2048;  // of the workspace, if four channels need no more

  int32_t taps, rows, columns;
  int32_t depth = 0;  // channels, a multiple of four
};

/// Elements of the workspace of DepthwiseConv2DForward.
constexpr uint32_t DepthwiseConv2DWorkspace(const ConvShape& s) { return DepthwiseBlocks(s).elements(); }

/// As the plain kernel; `workspace` is aligned to a word.
void DepthwiseConv2DForward(const ConvShape& shape, int32_t x_zero, const int8_t* x, const int8_t* w,
                            const int32_t* bias, const OutputStage& stage, int8_t* y,
                            const Workspace<int16_t>& workspace, uint64_t& macs);

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_CONV_2D_H_
