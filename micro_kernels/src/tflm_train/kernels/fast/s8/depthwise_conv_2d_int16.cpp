#include "tflm_train/kernels/fast/s8/depthwise_conv_2d_int16.h"

#include "tflm_train/kernels/fast/s8/inner.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace {

/// Positions of the output whose tap lies inside the image, in one dimension.
struct Positions {
  Positions(int32_t tap, int32_t stride, int32_t dilation, int32_t pad, int32_t outputs, int32_t inputs)
      : first(pad > tap * dilation ? (pad - tap * dilation + stride - 1) / stride : 0),
        input(first * stride - pad + tap * dilation) {
    const int32_t end = inputs > input ? first + (inputs - input + stride - 1) / stride : first;
    count = (end < outputs ? end : outputs) - first;
  }
  int32_t first, input, count = 0;
};

}  // namespace

void DepthwiseConv2DInputError(const ConvShape& s, const int8_t* w, const int16_t* dy,
                               const Workspace<int32_t>& workspace, ErrorRows& dx) {
  int32_t* const sums = workspace.values;
  auto* const taps = reinterpret_cast<ReadingTap*>(sums + s.in_c);
  uint32_t at = 0;
  const auto channels = static_cast<uint32_t>(s.in_c);
  for (int32_t row = 0; row < s.in_h; ++row) {
    for (int32_t column = 0; column < s.in_w; ++column, at += channels) {
      int32_t count = 0;
      tflm_train::s8::ForEachReader(s, row, column, [&](size_t position, size_t tap) {
        taps[count++] = {static_cast<int32_t>(position * sizeof *dy), static_cast<int32_t>(tap) * s.out_c};
      });
      inner::SumTaps(taps, count, dy, w, s.in_c, sums);
      dx.Put(at, sums, channels);
    }
  }
}

void DepthwiseConv2DGradient(const ConvShape& s, const ShiftedIntegers& x, const int16_t* dy, int32_t first,
                             int32_t count, int32_t* sums) {
  const int32_t taps = s.filter_h * s.filter_w;
  for (int32_t u = 0; u < s.filter_h; ++u) {
    const Positions rows(u, s.stride_h, s.dilation_h, s.pad_top, s.out_h, s.in_h);
    for (int32_t v = 0; v < s.filter_w; ++v, ++sums) {
      const Positions columns(v, s.stride_w, s.dilation_w, s.pad_left, s.out_w, s.in_w);
      if (rows.count <= 0 || columns.count <= 0) {
        for (int32_t c = 0; c < count; ++c) sums[c * taps] = 0;
        continue;
      }
      inner::SumPositions({dy + (rows.first * s.out_w + columns.first) * s.out_c + first,
                           x.values + (rows.input * s.in_w + columns.input) * s.in_c + first, rows.count, columns.count,
                           s.out_w * s.out_c, s.out_c, s.stride_h * s.in_w * s.in_c, s.stride_w * s.in_c, x.zero},
                          count, sums, taps);
    }
  }
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
