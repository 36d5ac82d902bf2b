// DEPTHWISE_CONV_2D in int8: y[i, j, o] = stage(sum_uv (x[.., .., o / multiplier] - x_zero) w[u, v, o] + bias[o]);
// geometry: ConvShape. For ConvForward and ConvMaxPoolForward of conv_2d.h.
#ifndef TFLM_TRAIN_KERNELS_S8_DEPTHWISE_CONV_2D_H_
#define TFLM_TRAIN_KERNELS_S8_DEPTHWISE_CONV_2D_H_

#include "tflm_train/kernels/depthwise_conv_2d.h"
#include "tflm_train/kernels/s8/conv_2d.h"

namespace tflm_train {
namespace s8 {

struct DepthwiseConv2d {
  using Cursor = PatchCursor;
  static uint64_t ForwardPerTap(const ConvShape& s) { return tflm_train::DepthwiseConv2d::ForwardPerTap(s); }

  /// All channels of one position: put(channel, value). `bias` may be null.
  template <class Put>
  static void ForwardAt(const ConvShape& s, const Patch& patch, int32_t x_zero, const int8_t* x, const int8_t* w,
                        const int32_t* bias, const OutputStage& stage, Put put) {
    int32_t input = 0, copy = 0;
    for (int32_t channel = 0; channel < s.out_c; ++channel) {
      int32_t sum = bias != nullptr ? bias[channel] : 0;
      tflm_train::DepthwiseConv2d::ForEachTap(s, patch, size_t(s.out_c), [=, &sum](size_t image, size_t filter) {
        sum = WrappingAdd(sum, (x[image + size_t(input)] - x_zero) * w[filter + size_t(channel)]);
      });
      put(channel, stage.Apply(sum, static_cast<uint32_t>(channel)));
      if (++copy == s.depth_multiplier) {
        copy = 0;
        ++input;
      }
    }
  }
};

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_DEPTHWISE_CONV_2D_H_
