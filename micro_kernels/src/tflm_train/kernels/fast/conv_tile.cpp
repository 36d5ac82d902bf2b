#include "tflm_train/kernels/fast/conv_tile.h"

#include "tflm_train/kernels/fast/inner.h"

namespace tflm_train {
namespace fast {

TiledConv::TiledConv(const ConvShape& s, const float* x, const float* w, int32_t tiles)
    : s_(s),
      x_(x),
      w_(w),
      tiles_(tiles),
      depth_(s.in_c < kQuad ? 1 : kQuad),
      row_shape_{s.in_h, s.in_w, s.in_c, kPatch, 2 * tiles + 2, depth_},
      patch_shape_{s.in_h, s.in_w, s.in_c, kPatch, kPatch, depth_},
      in_strip_(depth_ == s.in_c && row_shape_.elements() <= kStrip) {
  if (in_strip_) inner::Clear(strip_, static_cast<uint32_t>(row_shape_.elements()));
}

void TiledConv::MoveTo(int32_t row) {
  row_ = row - s_.pad_top;
  if (in_strip_) RefillStrip(row_shape_, x_, row_, -s_.pad_left, strip_);
}

/// In the strip, else in the image itself if possible, else gathered.
inline TiledConv::Patch TiledConv::PatchOf(int32_t tile, int32_t channel) {
  if (in_strip_) return {strip_ + 2 * tile * depth_, row_shape_.width * depth_};
  const int32_t column = 2 * tile - s_.pad_left;
  const bool inside = row_ >= 0 && column >= 0 && row_ + kPatch <= s_.in_h && column + kPatch <= s_.in_w;
  if (inside && depth_ == s_.in_c) return {x_ + (row_ * s_.in_w + column) * depth_, s_.in_w * depth_};
  CopyToStrip(patch_shape_, x_ + channel, row_, column, strip_);
  return {strip_, kPatch * depth_};
}

void TiledConv::ComputeTile(int32_t tile, int32_t first, int32_t count, float* sums) {
  const float* w = w_ + first * 9 * s_.in_c;
  if (depth_ == 1) {
    const Patch patch = PatchOf(tile, 0);
    return inner::ConvTile1(patch.data, patch.stride, w, count, sums);
  }
  inner::Clear(sums, static_cast<uint32_t>(4 * count));
  for (int32_t channel = 0; channel < s_.in_c; channel += kQuad) {
    const Patch patch = PatchOf(tile, channel);
    inner::ConvTile4(patch.data, patch.stride, w + channel, s_.in_c, count, sums);
  }
}

void TiledConv::PoolRow(int32_t first, int32_t count, const float* bias, float low, float* y, uint8_t* winners) {
  const float* w = w_ + first * 9 * s_.in_c;
  const auto convolve = depth_ == 1 ? inner::ConvPoolRow1 : inner::ConvPoolRow4;
  if (in_strip_) {
    const Patch patch = PatchOf(0, 0);
    return convolve(patch.data, patch.stride, tiles_, w, count, bias, low, y, s_.out_c, winners);
  }
  for (int32_t tile = 0; tile < tiles_; ++tile, y += s_.out_c) {
    if (depth_ == s_.in_c) {
      const Patch patch = PatchOf(tile, 0);
      convolve(patch.data, patch.stride, 1, w, count, bias, low, y, s_.out_c, winners);
    } else {
      float sums[4 * kChannels];
      ComputeTile(tile, first, count, sums);
      inner::PoolTile(sums, count, bias, low, y, winners);
    }
    if (winners) winners += s_.out_c;
  }
}

}  // namespace fast
}  // namespace tflm_train
