#include "tflm_train/kernels/fast/s8/depthwise_conv_2d.h"

#include "tflm_train/kernels/fast/s8/bytes.h"
#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/fast/taps.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace {

/// Sums with these biases, and what is taken off for the zero point, stay below 2^30.
bool AreSmall(const int32_t* bias, int32_t channels, int32_t taps) {
  if (taps > 1 << 14) return false;
  if (bias == nullptr) return true;
  constexpr int32_t kSmall = int32_t{1} << 29;
  bool small = true;
  for (; channels > 0; --channels, ++bias) small &= -kSmall < *bias && *bias < kSmall;
  return small;
}

constexpr int32_t Smaller(int32_t a, int32_t b) { return a < b ? a : b; }

/// Some channels of the layer: their filters, and the strip under a row of outputs, whose rows are a ring.
class Block {
 public:
  /// Channels from `first` on. None of the image is in the strip.
  Block(const ConvShape& s, const DepthwiseBlocks& blocks, int32_t first, int32_t x_zero, const int8_t* w,
        const int32_t* bias, const OutputStage& stage, bool quick, const Workspace<int16_t>& workspace)
      : s_(s),
        blocks_(blocks),
        x_zero_(x_zero),
        offsets_(reinterpret_cast<int32_t*>(workspace.values)),
        words_(reinterpret_cast<uint32_t*>(offsets_ + blocks.taps)),
        strip_(reinterpret_cast<int8_t*>(words_ + blocks.depth / 4 * FourChannels(blocks.taps))),
        filters_{blocks.taps, first, Smaller(blocks.depth, s.out_c - first), offsets_, words_, quick, stage},
        loaded_(-s.pad_top) {
    FillWords(static_cast<int8_t>(x_zero_), strip_, blocks_.rows * RowBytes() / 4);
    uint32_t* words = words_;
    w += first;
    for (int32_t c = 0; c < filters_.channels; c += 4, words += FourChannels(blocks_.taps)) {
      ChannelTerms terms[4];
      for (int32_t i = 0; i < 4; ++i) {
        const int32_t channel = Smaller(first + c + i, s_.out_c - 1);  // of those that are not there: any one's
        const int32_t* pair = stage.factors.pairs + static_cast<uint32_t>(channel) * stage.factors.step;
        terms[i] = {bias != nullptr ? bias[channel] : 0, pair[0], pair[1]};
      }
      inner::PackFourChannels({w + c, blocks_.taps, s_.out_c, filters_.channels - c, x_zero_}, terms, quick, words);
    }
  }

  /// The rows under a row of outputs, and where the taps lie in them.
  void MoveTo(int32_t row, const int8_t* x) {
    const int32_t origin = row * s_.stride_h - s_.pad_top, strip_bytes = blocks_.rows * RowBytes();
    if (loaded_ < origin) loaded_ = origin;
    for (; loaded_ < origin + blocks_.rows; ++loaded_) Load(loaded_, x);
    const int32_t row_step = s_.dilation_h * RowBytes(), column_step = s_.dilation_w * blocks_.depth;
    int32_t* to = offsets_;
    int32_t slot = Slot(origin);
    for (int32_t rows = s_.filter_h; rows > 0; --rows) {
      int32_t offset = slot;
      for (int32_t left = s_.filter_w; left > 0; --left, offset += column_step) *to++ = offset;
      slot += row_step;
      if (slot >= strip_bytes) slot -= strip_bytes;
    }
  }

  void Compute(int8_t* y) const {
    inner::DepthwiseRow(filters_, {s_.out_w, s_.stride_w * blocks_.depth, s_.out_c}, strip_, y + filters_.first);
  }

 private:
  int32_t RowBytes() const { return blocks_.columns * blocks_.depth; }
  /// Where a row of the image lies in the strip.
  int32_t Slot(int32_t row) const { return (row + s_.pad_top) % blocks_.rows * RowBytes(); }

  void Load(int32_t row, const int8_t* x) {
    int8_t* to = strip_ + Slot(row);
    if (row < 0 || row >= s_.in_h) return FillWords(static_cast<int8_t>(x_zero_), to, RowBytes() / 4);
    int32_t count = Smaller(s_.in_w, blocks_.columns - s_.pad_left);
    x += row * s_.in_w * s_.in_c;
    to += s_.pad_left * blocks_.depth;
    if (blocks_.depth == s_.in_c && s_.depth_multiplier == 1) return CopyBytes(x, to, count * s_.in_c);
    const int32_t first = filters_.first / s_.depth_multiplier, copy = filters_.first % s_.depth_multiplier;
    const int32_t channels = filters_.channels, x_step = s_.in_c, step = blocks_.depth;
    x += first;
    if (s_.depth_multiplier == 1) {
      for (; count > 0; --count, x += x_step, to += step) CopyBytes(x, to, channels);
    } else {
      for (; count > 0; --count, x += x_step, to += step) CopyRepeated(x, copy, to);
    }
  }

  /// Channels of a pixel that are read depth_multiplier times each, the first one `copy` times less.
  void CopyRepeated(const int8_t* x, int32_t copy, int8_t* to) const {
    for (int32_t c = 0; c < filters_.channels; ++c) {
      *to++ = *x;
      if (++copy == s_.depth_multiplier) copy = 0, ++x;
    }
  }

  const ConvShape& s_;
  const DepthwiseBlocks& blocks_;
  const int32_t x_zero_;
  int32_t* const offsets_;
  uint32_t* const words_;
  int8_t* const strip_;
  const DepthwiseFilters filters_;
  int32_t loaded_;  // the row behind those in the strip
};

}  // namespace

void DepthwiseConv2DForward(const ConvShape& s, int32_t x_zero, const int8_t* x, const int8_t* w, const int32_t* bias,
                            const OutputStage& stage, int8_t* y, const Workspace<int16_t>& workspace, uint64_t& macs) {
  const bool quick = QuickStage(stage, s.out_c).quick && AreSmall(bias, s.out_c, s.filter_h * s.filter_w);
  const DepthwiseBlocks blocks(s);
  for (int32_t first = 0; first < s.out_c; first += blocks.depth) {
    Block block(s, blocks, first, x_zero, w, bias, stage, quick, workspace);
    for (int32_t row = 0; row < s.out_h; ++row) {
      block.MoveTo(row, x);
      block.Compute(y + row * s.out_w * s.out_c);
    }
  }
  if constexpr (kCountWork) {
    Count(macs, SumTaps(s.out_h, s.stride_h, s.pad_top, s.filter_h, s.dilation_h, s.in_h) *
                    SumTaps(s.out_w, s.stride_w, s.pad_left, s.filter_w, s.dilation_w, s.in_w) * uint64_t(s.out_c));
  }
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
