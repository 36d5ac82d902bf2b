// Input errors of convolutions together with the max-pool behind them, for errors of 16-bit integers: see
// int16_layers.h. What the pool has not chosen costs nothing.
#ifndef TFLM_TRAIN_KERNELS_S8_INT16_POOLED_H_
#define TFLM_TRAIN_KERNELS_S8_INT16_POOLED_H_

#include "tflm_train/kernels/s8/int16_layers.h"

namespace tflm_train {
namespace s8 {

/// Adds a filter's tap to an input position's sums, of CONV_2D.
inline void AddTap(const ConvShape& s, const tflm_train::Conv2d*, const int8_t* w, int32_t channel, int32_t tap,
                   int32_t error, int32_t* sums, WorkCounters& work) {
  const auto inputs = static_cast<uint32_t>(s.in_c);
  Axpy(error, w + size_t(channel) * tflm_train::Conv2d::FilterElements(s) + size_t(tap) * inputs, sums, inputs);
  Count(work.input_error, inputs);
}

/// The same of DEPTHWISE_CONV_2D.
inline void AddTap(const ConvShape& s, const tflm_train::DepthwiseConv2d*, const int8_t* w, int32_t channel,
                   int32_t tap, int32_t error, int32_t* sums, WorkCounters& work) {
  sums[channel / s.depth_multiplier] += error * w[size_t(tap) * size_t(s.out_c) + size_t(channel)];
  Count(work.input_error, 1);
}

/// The rows of a pool whose windows hold a row of the map.
inline TapRange PoolRows(const PoolShape& p, int32_t row) {
  const int32_t first = row + p.pad_top - p.filter_h + 1, last = (row + p.pad_top) / p.stride_h;
  return {0, first <= 0 ? 0 : (first + p.stride_h - 1) / p.stride_h, last < p.out_h ? last + 1 : p.out_h};
}

/// The input's error dy * w, row by row; dy: errors of the pool's output. `sums`: room for [in_w, in_c].
template <class Conv>
void PooledConvInputError(const ConvShape& s, const PoolShape& p, const uint8_t* argmax, const int8_t* w,
                          const int16_t* dy, int32_t* sums, ErrorRows& dx, WorkCounters& work) {
  const auto elements = static_cast<uint32_t>(s.in_w * s.in_c);
  const auto row_errors = static_cast<uint32_t>(p.out_w * p.channels);
  for (int32_t row = 0; row < s.in_h; ++row) {
    Fill(int32_t{0}, sums, elements);
    for (int32_t u = 0; u < s.filter_h; ++u) {
      const int32_t reader = ReaderOf(row, u, s.stride_h, s.dilation_h, s.pad_top, s.out_h);
      if (reader < 0) continue;
      const TapRange pools = PoolRows(p, reader);
      PooledLocator locator(p, argmax);
      const auto end = static_cast<uint32_t>(pools.end) * row_errors;
      for (uint32_t element = static_cast<uint32_t>(pools.begin) * row_errors; element < end; ++element) {
        if (dy[element] == 0 || !locator.MoveTo(element) || locator.row() != reader) continue;
        const TapRange taps = TapsInside(locator.column() * s.stride_w - s.pad_left, s.filter_w, s.dilation_w, s.in_w);
        for (int32_t v = taps.begin; v < taps.end; ++v) {
          AddTap(s, static_cast<const Conv*>(nullptr), w, locator.channel(), u * s.filter_w + v, dy[element],
                 sums + (taps.origin + v * s.dilation_w) * s.in_c, work);
        }
      }
    }
    dx.Put(static_cast<uint32_t>(row) * elements, sums, elements);
  }
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_INT16_POOLED_H_
