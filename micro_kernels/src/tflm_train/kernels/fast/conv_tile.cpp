#include "tflm_train/kernels/fast/conv_tile.h"

#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/taps.h"

namespace tflm_train {
namespace fast {
namespace {

constexpr float kNoBias[TiledConv::kChannels] = {};

}  // namespace

TiledConv::TiledConv(const ConvShape& s, const float* x, const float* w, const float* bias, int32_t first)
    : s_(s),
      x_(x),
      w_(w + first * 9 * s.in_c),
      count_(s.out_c - first < kChannels ? s.out_c - first : kChannels),
      depth_(s.in_c < kQuad ? 1 : kQuad),
      rows_inside_(s.in_h >= kPatch ? static_cast<uint32_t>(s.in_h - kPatch + 1) : 0),
      columns_inside_(s.in_w >= kPatch ? static_cast<uint32_t>(s.in_w - kPatch + 1) : 0),
      bias_(bias ? bias + first : kNoBias) {}

/// In the image itself if possible, else gathered with zeros around the image.
inline TiledConv::Patch TiledConv::PatchAt(int32_t row, int32_t column, int32_t channel) {
  const float* image = x_ + (row * s_.in_w + column) * s_.in_c + channel;
  if (static_cast<uint32_t>(row) < rows_inside_ && static_cast<uint32_t>(column) < columns_inside_ && depth_ == s_.in_c) {
    return {image, s_.in_w * depth_};
  }
  GatherPatch(row, column, channel);
  return {patch_, kPatch * depth_};
}

void TiledConv::GatherPatch(int32_t row, int32_t column, int32_t channel) {
  inner::Clear(patch_, static_cast<uint32_t>(kPatch * kPatch * depth_));
  const Taps rows = ClipTaps(row, kPatch, 1, s_.in_h), columns = ClipTaps(column, kPatch, 1, s_.in_w);
  const float* image = x_ + ((row + rows.first) * s_.in_w + column + columns.first) * s_.in_c + channel;
  float* to = patch_ + (rows.first * kPatch + columns.first) * depth_;
  AxpyShape shape = {{s_.in_w * s_.in_c, kPatch * depth_}, columns.count * depth_, rows.count};
  int32_t parts = 1;
  if (depth_ != s_.in_c) {  // the channels of a column are contiguous, the columns are not
    shape.n = depth_;
    parts = columns.count;
  }
  for (; parts > 0; --parts, image += s_.in_c, to += depth_) {
    const AxpyJob job = {1.0f, {const_cast<float*>(image), to}};
    inner::Axpy(&job, 1, shape);
  }
}

void TiledConv::Compute(int32_t row, int32_t column) {
  row -= s_.pad_top;
  column -= s_.pad_left;
  if (depth_ == 1) {
    const Patch patch = PatchAt(row, column, 0);
    return inner::ConvTile1(patch.data, patch.stride, w_, count_, sums_);
  }
  inner::Clear(sums_, static_cast<uint32_t>(4 * count_));
  for (int32_t channel = 0; channel < s_.in_c; channel += depth_) {
    const Patch patch = PatchAt(row, column, channel);
    inner::ConvTile4(patch.data, patch.stride, w_ + channel, s_.in_c, count_, sums_);
  }
}

void TiledConv::ComputePooled(int32_t row, int32_t column, float low, float* y, uint8_t* winners) {
  if (depth_ != s_.in_c) {
    Compute(row, column);
    return inner::PoolTile(sums_, count_, bias_, low, y, winners);
  }
  const Patch patch = PatchAt(row - s_.pad_top, column - s_.pad_left, 0);
  const auto convolve = depth_ == 1 ? inner::ConvPoolTile1 : inner::ConvPoolTile4;
  convolve(patch.data, patch.stride, w_, count_, bias_, low, y, winners);
}

}  // namespace fast
}  // namespace tflm_train
