// A row of a depthwise convolution over a strip: rows of the image with its zero point around them, some channels of
// it.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_ROW_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_ROW_H_

#include <cstdint>

#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// The filters of up to four channels, w [taps, channels], a tap's `step` apart.
struct FourFilters {
  const int8_t* w;
  int32_t taps, step, channels, x_zero;
};

/// Of a channel.
struct ChannelTerms {
  int32_t bias, multiplier, shift;
};

/// Words of all that belongs to four channels: weights, factors, and biases from which the filter's sum times the
/// input's zero point is taken off; in an order that only the loops know.
constexpr int32_t FourChannels(int32_t taps) { return 12 + 2 * taps; }

/// `channels` channels, the first of which is the layer's channel `first`. Their words and those of the strip are of a
/// multiple of four.
struct DepthwiseFilters {
  int32_t taps, first, channels;
  const int32_t* offsets;  // of each tap in the strip, from a position's first tap
  const uint32_t* words;
  bool quick;  // the stage is, by QuickStage, and no bias is 2^29 or more: twice a sum stays in 32 bits
  const OutputStage& stage;
};

/// Positions in a row: `count` of them, x_step and y_step bytes apart.
struct DepthwisePositions {
  int32_t count, x_step, y_step;
};

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_ROW_H_
