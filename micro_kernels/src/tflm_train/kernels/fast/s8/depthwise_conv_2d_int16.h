// Fast backward pass of DEPTHWISE_CONV_2D in int8 for errors of 16-bit integers: the plain kernels' sums, which are
// exact in any order. Geometry: ConvShape.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_CONV_2D_INT16_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_CONV_2D_INT16_H_

#include "tflm_train/kernels/fast/s8/depthwise_sums.h"
#include "tflm_train/kernels/s8/int16_layers.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// Elements of the workspace: the sums of a pixel and its taps, or the sums of four channels' filters; UINT32_MAX for
/// what no memory holds.
constexpr uint32_t DepthwiseConv2DInt16Workspace(const ConvShape& s) {
  const int64_t taps = int64_t{s.filter_h} * s.filter_w, pixel = s.in_c + 2 * taps, filters = 4 * taps;
  const int64_t found = pixel < filters ? filters : pixel;
  return found < UINT32_MAX ? static_cast<uint32_t>(found) : UINT32_MAX;
}

/// As s8::ConvInputError<DepthwiseConv2d>.
void DepthwiseConv2DInputError(const ConvShape& s, const int8_t* w, const int16_t* dy,
                               const Workspace<int32_t>& workspace, ErrorRows& dx);

/// Sums [4, taps] of the weight gradient of channels [first, first + count), count <= 4; no channel is copied.
void DepthwiseConv2DGradient(const ConvShape& s, const ShiftedIntegers& x, const int16_t* dy, int32_t first,
                             int32_t count, int32_t* sums);

/// As s8::ConvInputError<DepthwiseConv2d> and DepthwiseConv2d::WeightGradientRows, but for what they count.
struct DepthwiseConv2DInt16 {
  static uint32_t Workspace(const ConvShape& s) { return DepthwiseConv2DInt16Workspace(s); }

  static void InputError(const ConvShape& s, const int8_t* w, const int16_t* dy,
                         const tflm_train::Workspace<int32_t>& workspace, ErrorRows& dx) {
    if (s.depth_multiplier == 1) return DepthwiseConv2DInputError(s, w, dy, workspace, dx);
    WorkCounters uncounted;
    tflm_train::s8::ConvInputError<DepthwiseConv2d>(s, w, dy, workspace.values, dx, uncounted);
  }

  template <class End>
  static void WeightGradientRows(const ConvShape& s, const ShiftedIntegers& x, const int16_t* dy, uint32_t elements,
                                 const Selection& selection, const tflm_train::Workspace<int32_t>& workspace, End end) {
    if (s.depth_multiplier != 1) {
      WorkCounters uncounted;
      DepthwiseConv2d::WeightGradientRows(s, x, dy, elements, selection, DirectLocator(s.out_w, s.out_c), workspace,
                                          uncounted, end);
      return;
    }
    const uint32_t taps = DepthwiseConv2d::WeightsPerChannel(s), all = static_cast<uint32_t>(s.out_c);
    for (uint32_t first = 0; first < all; first += 4) {
      const uint32_t count = all - first < 4 ? all - first : 4;
      DepthwiseConv2DGradient(s, x, dy, static_cast<int32_t>(first), static_cast<int32_t>(count), workspace.values);
      for (uint32_t i = 0; i < count; ++i) {
        if (!SelectsChannel(selection, dy, elements, first + i, all)) continue;
        end(size_t{first + i}, first + i, workspace.values + i * taps, taps, all);
      }
    }
  }
};

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_CONV_2D_INT16_H_
