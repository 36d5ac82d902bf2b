// CONV_2D and its like in int8: y[i, j, o] = stage(sum_uvc (x[.., .., c] - x_zero) w[o, u, v, c] + bias[o]); geometry:
// ConvShape. Taps outside the image read the zero point.
#ifndef TFLM_TRAIN_KERNELS_S8_CONV_2D_H_
#define TFLM_TRAIN_KERNELS_S8_CONV_2D_H_

#include "tflm_train/kernels/conv_2d.h"
#include "tflm_train/kernels/conv_forward.h"
#include "tflm_train/kernels/s8/inner.h"
#include "tflm_train/kernels/transpose_conv.h"

namespace tflm_train {
namespace s8 {

/// `Runs`: which elements of the image an element of the output reads, as in float.
template <class Runs>
struct ConvWith {
  using Cursor = typename Runs::Cursor;
  static uint64_t ForwardPerTap(const ConvShape& s) { return tflm_train::ConvWith<Runs>::ForwardPerTap(s); }

  /// All channels of one position: put(channel, value). `bias` may be null.
  template <class Taps, class Put>
  static void ForwardAt(const ConvShape& s, const Taps& taps, int32_t x_zero, const int8_t* x, const int8_t* w,
                        const int32_t* bias, const OutputStage& stage, Put put) {
    const size_t filter_elements = tflm_train::ConvWith<Runs>::FilterElements(s);
    for (int32_t channel = 0; channel < s.out_c; ++channel, w += filter_elements) {
      int32_t sum = bias != nullptr ? bias[channel] : 0;
      const int8_t* pixels = x + Runs::ImageOffset(s, channel);
      Runs::ForEachRun(s, taps, [=, &sum](size_t image, size_t filter, uint32_t n) {
        sum = Dot(sum, pixels + image, x_zero, w + filter, n);
      });
      put(channel, stage.Apply(sum, static_cast<uint32_t>(channel)));
    }
  }
};

using Conv2d = ConvWith<FullRuns>;
using GroupedConv2d = ConvWith<GroupedRuns>;
using TransposeConv = ConvWith<TransposedRuns>;

/// `Conv`: Conv2d, GroupedConv2d, TransposeConv, DepthwiseConv2d. `bias` may be null.
template <class Conv>
void ConvForward(const ConvShape& s, int32_t x_zero, const int8_t* x, const int8_t* w, const int32_t* bias,
                 const OutputStage& stage, int8_t* y, WorkCounters& work) {
  ConvPositions<Conv>(s, y, work, x_zero, x, w, bias, stage);
}

/// The same with the max-pool behind it, as ConvMaxPoolForward in float.
template <class Conv>
void ConvMaxPoolForward(const ConvShape& s, const PoolShape& pool, int32_t x_zero, const int8_t* x, const int8_t* w,
                        const int32_t* bias, const OutputStage& stage, int8_t* y, uint8_t* argmax, WorkCounters& work) {
  ConvMaxPoolPositions<Conv>(s, pool, y, argmax, work, x_zero, x, w, bias, stage);
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_CONV_2D_H_
