#include "tflm_train/kernels/fast/conv_2d.h"
#include "tflm_train/kernels/fast/conv_position.h"
#include "tflm_train/kernels/fast/conv_tile.h"
#include "tflm_train/kernels/fast/taps.h"
#include "tflm_train/kernels/fast/vector.h"

namespace tflm_train {
namespace fast {
namespace {

void TiledForward(const ConvShape& s, const float* x, const float* w, float* y, const Workspace<float>& workspace) {
  constexpr int32_t kChannels = TiledConv::kChannels;
  const int32_t tiles = (s.out_w + 1) / 2;
  TiledConv conv(s, x, w, tiles, workspace);
  float sums[4 * kChannels];
  for (int32_t row = 0; row < s.out_h; row += 2) {
    conv.MoveTo(row);
    for (int32_t tile = 0; tile < tiles; ++tile) {
      for (int32_t first = 0; first < s.out_c; first += kChannels) {
        const int32_t count = s.out_c - first < kChannels ? s.out_c - first : kChannels;
        conv.ComputeTile(tile, first, count, sums);
        for (int32_t i = 0; i < 4; ++i) {
          const int32_t y_row = row + i / 2, y_column = 2 * tile + i % 2;
          if (y_row >= s.out_h || y_column >= s.out_w) continue;
          float* out = y + (y_row * s.out_w + y_column) * s.out_c + first;
          for (int32_t c = 0; c < count; ++c) out[c] = sums[4 * c + i];
        }
      }
    }
  }
}

}  // namespace

void Conv2DForward(const ConvShape& s, Activation activation, const float* x, const float* w, const float* bias,
                   float* y, const Workspace<float>& workspace, uint64_t& macs) {
  if (TileFits(s)) {
    TiledForward(s, x, w, y, workspace);
  } else {
    float* out = y;
    for (int32_t row = 0; row < s.out_h; ++row) {
      for (int32_t column = 0; column < s.out_w; ++column, out += s.out_c) {
        ComputePosition(s, x, w, row, column, 0, s.out_c, out);
      }
    }
  }
  AddBias(bias, activation, y, s.out_h * s.out_w, s.out_c);
  if constexpr (kCountWork) {
    Count(macs, SumTaps(s.out_h, s.stride_h, s.pad_top, s.filter_h, s.dilation_h, s.in_h) *
                    SumTaps(s.out_w, s.stride_w, s.pad_left, s.filter_w, s.dilation_w, s.in_w) * uint64_t(s.in_c) *
                    uint64_t(s.out_c));
  }
}

}  // namespace fast
}  // namespace tflm_train
