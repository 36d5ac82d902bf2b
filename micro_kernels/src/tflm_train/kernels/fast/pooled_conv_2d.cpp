#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/conv_2d.h"
#include "tflm_train/kernels/fast/conv_position.h"
#include "tflm_train/kernels/fast/conv_tile.h"
#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/taps.h"
#include "tflm_train/kernels/fast/vector.h"

namespace tflm_train {
namespace fast {
namespace {

/// Output channels that PoolWindow takes at a time.
constexpr int32_t kWindowChannels = 32;

/// Every pool window is one tile: 2x2 with stride 2, inside the map.
bool WindowsAreTiles(const PoolShape& pool) {
  return pool.filter_h == 2 && pool.filter_w == 2 && pool.stride_h == 2 && pool.stride_w == 2 && pool.pad_top == 0 &&
         pool.pad_left == 0 && 2 * pool.out_h <= pool.in_h && 2 * pool.out_w <= pool.in_w;
}

TFLM_TRAIN_COLD void PoolTiles(const ConvShape& conv, const PoolShape& pool, const float* x, const float* w,
                               const float* bias, float low, float* y, uint8_t* argmax,
                               const Workspace<float>& workspace) {
  constexpr int32_t kChannels = TiledConv::kChannels;
  float no_bias[kChannels];
  if (!bias) inner::Clear(no_bias, kChannels);
  uint8_t unused[kChannels];
  TiledConv tiles(conv, x, w, pool.out_w, workspace);
  for (int32_t row = 0; row < pool.out_h; ++row) {
    tiles.MoveTo(2 * row);
    for (int32_t first = 0; first < conv.out_c; first += kChannels) {
      const int32_t count = conv.out_c - first < kChannels ? conv.out_c - first : kChannels;
      const int32_t out = row * pool.out_w * conv.out_c + first;
      tiles.PoolRow(first, count,
                    {bias ? bias + first : no_bias, low, y + out, argmax ? argmax + out : unused, conv.out_c,
                     argmax ? conv.out_c : 0});
    }
  }
}

/// Channels [first, first + count) of one window of any size, before bias and activation.
TFLM_TRAIN_COLD void PoolWindow(const ConvShape& conv, const PoolShape& pool, int32_t row, int32_t column,
                                const float* x, const float* w, int32_t first, int32_t count, float* y,
                                uint8_t* argmax) {
  row = row * pool.stride_h - pool.pad_top;
  column = column * pool.stride_w - pool.pad_left;
  const Taps rows = ClipTaps(row, pool.filter_h, 1, pool.in_h), columns = ClipTaps(column, pool.filter_w, 1, pool.in_w);
  float values[kWindowChannels];
  bool started = false;
  for (int32_t u = rows.first; u < rows.first + rows.count; ++u) {
    for (int32_t v = columns.first; v < columns.first + columns.count; ++v) {
      ComputePosition(conv, x, w, row + u, column + v, first, count, values);
      for (int32_t c = 0; c < count; ++c) {
        if (started && !(values[c] > y[c])) continue;
        y[c] = values[c];
        if (argmax) argmax[c] = static_cast<uint8_t>(u * pool.filter_w + v);
      }
      started = true;
    }
  }
}

/// Not inlined: its stack would be the tiles', too.
TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE void PoolPositions(const ConvShape& conv, const PoolShape& pool, const float* x,
                                                       const float* w, float* y, uint8_t* argmax) {
  for (int32_t row = 0; row < pool.out_h; ++row) {
    for (int32_t column = 0; column < pool.out_w; ++column) {
      for (int32_t first = 0; first < conv.out_c; first += kWindowChannels) {
        const int32_t count = conv.out_c - first < kWindowChannels ? conv.out_c - first : kWindowChannels;
        PoolWindow(conv, pool, row, column, x, w, first, count, y, argmax);
        y += count;
        if (argmax) argmax += count;
      }
    }
  }
}

}  // namespace

// Neither bias nor activation changes which element is the largest, only whether its error passes: they are applied to
// the winners alone.
void PooledConv2DForward(const ConvShape& conv, const PoolShape& pool, Activation activation, const float* x,
                         const float* w, const float* bias, float* y, uint8_t* argmax,
                         const Workspace<float>& workspace, uint64_t& macs) {
  const int32_t pixels = pool.out_h * pool.out_w;
  if (TileFits(conv) && WindowsAreTiles(pool)) {
    PoolTiles(conv, pool, x, w, bias, LowerBound(activation), y, argmax, workspace);
    if (activation != Activation::kRelu) AddBias(nullptr, activation, y, pixels, conv.out_c);
  } else {
    PoolPositions(conv, pool, x, w, y, argmax);
    AddBias(bias, activation, y, pixels, conv.out_c);
  }
  if constexpr (kCountWork) {
    Count(macs, SumPooledTaps(pool.out_h, pool.stride_h, pool.pad_top, pool.filter_h, pool.in_h, conv.stride_h,
                              conv.pad_top, conv.filter_h, conv.dilation_h, conv.in_h) *
                    SumPooledTaps(pool.out_w, pool.stride_w, pool.pad_left, pool.filter_w, pool.in_w, conv.stride_w,
                                  conv.pad_left, conv.filter_w, conv.dilation_w, conv.in_w) *
                    uint64_t(conv.in_c) * uint64_t(conv.out_c));
  }
}

}  // namespace fast
}  // namespace tflm_train
