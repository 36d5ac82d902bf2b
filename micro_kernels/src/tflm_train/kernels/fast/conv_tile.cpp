#include "tflm_train/kernels/fast/conv_tile.h"

#include "tflm_train/kernels/fast/inner.h"

namespace tflm_train {
namespace fast {

TiledConv::TiledConv(const ConvShape& s, const float* x, const float* w, int32_t tiles,
                     const Workspace<float>& workspace)
    : s_(s),
      x_(x),
      w_(w),
      tiles_(tiles),
      depth_(s.in_c < kQuad ? 1 : kQuad),
      row_shape_{s.in_h, s.in_w, s.in_c, kPatch, 2 * tiles + 2, depth_},
      patch_shape_{s.in_h, s.in_w, s.in_c, kPatch, kPatch, depth_},
      in_strip_(depth_ == s.in_c && row_shape_.elements() <= static_cast<int32_t>(workspace.elements)),
      strip_(workspace.values) {
  if (in_strip_) inner::Clear(strip_, static_cast<uint32_t>(row_shape_.elements()));
}

void TiledConv::MoveTo(int32_t row) {
  row_ = row - s_.pad_top;
  if (in_strip_) RefillStrip(row_shape_, x_, row_, -s_.pad_left, strip_);
}

/// In the strip, else in the image itself if possible, else gathered.
TiledConv::Patch TiledConv::PatchOf(int32_t tile, int32_t channel) {
  if (in_strip_) return {strip_ + 2 * tile * depth_, row_shape_.width * depth_};
  const int32_t column = 2 * tile - s_.pad_left;
  const bool inside = row_ >= 0 && column >= 0 && row_ + kPatch <= s_.in_h && column + kPatch <= s_.in_w;
  if (inside && depth_ == s_.in_c) return {x_ + (row_ * s_.in_w + column) * depth_, s_.in_w * depth_};
  CopyToStrip(patch_shape_, x_ + channel, row_, column, gathered_);
  return {gathered_, kPatch * depth_};
}

void TiledConv::SumQuads(int32_t tile, int32_t first, int32_t count, float* sums) {
  inner::Clear(sums, static_cast<uint32_t>(4 * count));
  for (int32_t channel = 0; channel < s_.in_c; channel += kQuad) {
    const Patch patch = PatchOf(tile, channel);
    inner::ConvTile4(patch.data, patch.stride, Filter(first) + channel, s_.in_c, count, sums);
  }
}

// Apart from SumQuads, so that firmware that only pools does not link ConvTile1.
void TiledConv::ComputeTile(int32_t tile, int32_t first, int32_t count, float* sums) {
  if (depth_ != 1) return SumQuads(tile, first, count, sums);
  const Patch patch = PatchOf(tile, 0);
  inner::ConvTile1(patch.data, patch.stride, Filter(first), count, sums);
}

void TiledConv::PoolRow(int32_t first, int32_t count, PooledTiles to) {
  const auto convolve = depth_ == 1 ? inner::ConvPoolRow1 : inner::ConvPoolRow4;
  const int32_t step = in_strip_ ? tiles_ : 1;
  for (int32_t tile = 0; tile < tiles_; tile += step) {
    if (depth_ == s_.in_c) {
      const Patch patch = PatchOf(tile, 0);
      convolve(patch.data, patch.stride, step, Filter(first), count, to);
    } else {
      float sums[4 * kChannels];
      SumQuads(tile, first, count, sums);
      inner::PoolTile(sums, count, to);
    }
    to.y += to.y_step;
    to.winners += to.winners_step;
  }
}

}  // namespace fast
}  // namespace tflm_train
