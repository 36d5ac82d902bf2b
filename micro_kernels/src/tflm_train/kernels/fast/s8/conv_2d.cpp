#include "tflm_train/kernels/fast/s8/conv_2d.h"

#include "tflm_train/kernels/fast/s8/bytes.h"
#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/fast/taps.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace {

/// The image's bytes under a filter, position by position.
class Gatherer {
 public:
  Gatherer(const ConvShape& s, const int8_t* x, int32_t x_zero, int8_t* bytes)
      : s_(s),
        x_(x),
        bytes_(bytes),
        zero_(static_cast<int8_t>(x_zero)),
        span_((s.filter_w - 1) * s.dilation_w + 1),
        words_((s.filter_h * s.filter_w * s.in_c + 3) / 4) {}

  void MoveTo(int32_t row) {
    row_ = row * s_.stride_h - s_.pad_top;
    rows_ = ClipTaps(row_, s_.filter_h, s_.dilation_h, s_.in_h);
  }

  const int8_t* At(int32_t column) const {
    const int32_t first = column * s_.stride_w - s_.pad_left;
    Taps columns = {0, s_.filter_w};
    if (first < 0 || first + span_ > s_.in_w) columns = ClipTaps(first, s_.filter_w, s_.dilation_w, s_.in_w);
    if (columns.count < s_.filter_w || rows_.count < s_.filter_h) {
      FillWords(zero_, bytes_, words_);
    }
    const int8_t* from =
        x_ + ((row_ + rows_.first * s_.dilation_h) * s_.in_w + first + columns.first * s_.dilation_w) * s_.in_c;
    int8_t* to = bytes_ + (rows_.first * s_.filter_w + columns.first) * s_.in_c;
    const int32_t from_row = s_.dilation_h * s_.in_w * s_.in_c, to_row = s_.filter_w * s_.in_c;
    for (int32_t left = rows_.count; left > 0; --left, from += from_row, to += to_row) {
      if (s_.dilation_w == 1) {
        CopyBytes(from, to, columns.count * s_.in_c);
        continue;
      }
      for (int32_t v = 0; v < columns.count; ++v) {
        CopyBytes(from + v * s_.dilation_w * s_.in_c, to + v * s_.in_c, s_.in_c);
      }
    }
    return bytes_;
  }

 private:
  const ConvShape& s_;
  const int8_t* const x_;
  int8_t* const bytes_;
  const int8_t zero_;
  const int32_t span_, words_;
  int32_t row_ = 0;
  Taps rows_ = {0, 0};
};

}  // namespace

void Conv2DForward(const ConvShape& s, int32_t x_zero, const int8_t* x, const int8_t* w, const int32_t* bias,
                   const OutputStage& stage, int8_t* y, const Workspace<int16_t>& workspace, uint64_t& macs) {
  const QuickStage quick(stage, s.out_c);
  const int32_t n = s.filter_h * s.filter_w * s.in_c;
  const Filters filters = {w, bias, n, s.out_c, quick};
  int16_t* const columns = workspace.values;
  Gatherer gatherer(s, x, x_zero, reinterpret_cast<int8_t*>(columns + 2 * ColumnElements(static_cast<uint32_t>(n))));
  const bool pointwise = IsPointwise(s);
  int32_t row = 0, column = 0;
  const auto next = [&] {
    if (pointwise) {
      const int8_t* pixel = x;
      x += n;
      return pixel;
    }
    if (column == 0) gatherer.MoveTo(row);
    const int8_t* bytes = gatherer.At(column);
    if (++column == s.out_w) column = 0, ++row;
    return bytes;
  };
  int32_t left = s.out_h * s.out_w;
  for (; left >= 2; left -= 2, y += 2 * s.out_c) {
    inner::Widen(next(), n, x_zero, 0, 2, columns);
    inner::Widen(next(), n, x_zero, 1, 2, columns);
    inner::DotColumns(filters, columns, y, y + s.out_c);
  }
  if (left > 0) {
    inner::Widen(next(), n, x_zero, 0, 1, columns);
    inner::DotColumn(filters, columns, y);
  }
  if constexpr (kCountWork) {
    Count(macs, SumTaps(s.out_h, s.stride_h, s.pad_top, s.filter_h, s.dilation_h, s.in_h) *
                    SumTaps(s.out_w, s.stride_w, s.pad_left, s.filter_w, s.dilation_w, s.in_w) * uint64_t(s.in_c) *
                    uint64_t(s.out_c));
  }
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
