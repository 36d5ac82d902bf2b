// Forward passes of the convolution operators. `Conv`: Conv2d, DepthwiseConv2d and their like, whose ForwardAt computes
// all channels of one position from its taps and `layer`, which in float is x, w, bias (may be null) and bounds.
#ifndef TFLM_TRAIN_KERNELS_CONV_FORWARD_H_
#define TFLM_TRAIN_KERNELS_CONV_FORWARD_H_

#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/patch.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/kernels/work.h"

namespace tflm_train {

/// y [out_h, out_w, out_c], not fused with a pool.
template <class Conv, class T, class... Layer>
void ConvPositions(const ConvShape& s, T* y, WorkCounters& work, const Layer&... layer) {
  typename Conv::Cursor patches(s);
  for (int32_t row = 0; row < s.out_h; ++row) {
    for (int32_t column = 0; column < s.out_w; ++column, y += s.out_c) {
      const auto& patch = patches.At(row, column);
      Conv::ForwardAt(s, patch, layer..., [y](int32_t channel, T value) { y[channel] = value; });
      if constexpr (kCountWork) Count(work.forward, patch.taps() * Conv::ForwardPerTap(s));
    }
  }
}

template <class Conv, class T>
void ConvForward(const ConvShape& s, const T* x, const T* w, const T* bias, Activation activation, T* y,
                 WorkCounters& work) {
  const Bounds<T> bounds(activation);
  ConvPositions<Conv>(s, y, work, x, w, bias, bounds);
}

/// CONV_2D_MAX_POOL, DEPTHWISE_MAX_POOL: y [pool.out_h, pool.out_w, out_c] = max-pool(act(convolution)); the map
/// between them is never stored. `argmax` (shape of y, row * filter_w + column in the window, the first of equals in
/// row-major order) may be null. Positions that several windows share are computed for each of them. The backward pass
/// is that of the convolution with a PooledLocator: it starts from the winners.
template <class Conv, class T, class... Layer>
void ConvMaxPoolPositions(const ConvShape& s, const PoolShape& pool, T* y, uint8_t* argmax, WorkCounters& work,
                          const Layer&... layer) {
  for (int32_t row = 0; row < pool.out_h; ++row) {
    for (int32_t column = 0; column < pool.out_w; ++column) {
      const Patch window = PatchAt(pool, row, column);
      bool first = true;
      for (int32_t u = window.rows.begin; u < window.rows.end; ++u) {
        for (int32_t v = window.columns.begin; v < window.columns.end; ++v) {
          const Patch patch = PatchAt(s, window.rows.origin + u, window.columns.origin + v);
          const uint8_t position = static_cast<uint8_t>(u * pool.filter_w + v);
          Conv::ForwardAt(s, patch, layer..., [=](int32_t channel, T value) {
            if (!first && !(value > y[channel])) return;
            y[channel] = value;
            if (argmax != nullptr) argmax[channel] = position;
          });
          first = false;
        }
      }
      y += s.out_c;
      if (argmax != nullptr) argmax += s.out_c;
    }
  }
  if constexpr (kCountWork) Count(work.forward, ValidTaps(s, pool) * Conv::ForwardPerTap(s));
}

template <class Conv, class T>
void ConvMaxPoolForward(const ConvShape& s, const PoolShape& pool, const T* x, const T* w, const T* bias,
                        Activation activation, T* y, uint8_t* argmax, WorkCounters& work) {
  const Bounds<T> bounds(activation);
  ConvMaxPoolPositions<Conv>(s, pool, y, argmax, work, x, w, bias, bounds);
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_CONV_FORWARD_H_
