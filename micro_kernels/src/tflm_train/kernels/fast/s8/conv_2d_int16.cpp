#include "tflm_train/kernels/fast/s8/conv_2d_int16.h"

#include <cstring>

#include "tflm_train/kernels/fast/s8/bytes.h"
#include "tflm_train/kernels/fast/s8/inner.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace {

constexpr int8_t kFourZeros[4] = {};

/// One pixel row of the input's error.
class InputErrorRow {
 public:
  InputErrorRow(const ConvShape& s, const InputErrorBlocks& blocks, const int8_t* w, const int16_t* dy,
                const Workspace<int32_t>& workspace)
      : s_(s),
        blocks_(blocks),
        w_(w),
        dy_(dy),
        sums_(workspace.values),
        columns_(reinterpret_cast<int16_t*>(sums_ + blocks.pixels * s.in_c)),
        strip_(columns_ + ColumnPairElements(blocks.pairs)) {}

  /// Sums of pixels [first, first + count) of a row.
  const int32_t* Sums(int32_t row, int32_t first, int32_t count) {
    Fill<int32_t>(0, sums_, static_cast<uint32_t>(count * s_.in_c));
    for (int32_t u = 0; u < s_.filter_h; ++u) {
      const int32_t i = tflm_train::s8::ReaderOf(row, u, s_.stride_h, s_.dilation_h, s_.pad_top, s_.out_h);
      if (i >= 0) AddTapRow(u, dy_ + i * s_.out_w * s_.out_c, first, count);
    }
    return sums_;
  }

 private:
  /// Errors of output columns from `begin` on, zeros outside; null if all are zero.
  const int16_t* Errors(const int16_t* row, int32_t begin, int32_t end) {
    if (blocks_.strip == 0) return row + begin * s_.out_c;
    const int32_t depth = blocks_.depth;
    int16_t* to = strip_;
    const int32_t inside = Most(begin, 0), last = Least(end, s_.out_w);
    std::memset(to, 0, static_cast<size_t>(Most(inside - begin, 0) * depth) * sizeof *to);
    to += (inside - begin) * depth;
    if (depth == s_.out_c) {
      const int32_t n = Most(last - inside, 0) * depth;
      std::memcpy(to, row + inside * depth, static_cast<size_t>(n) * sizeof *to);
      to += n;
    } else {
      for (int32_t j = inside; j < last; ++j, to += depth) {
        std::memcpy(to, row + j * s_.out_c, static_cast<size_t>(s_.out_c) * sizeof *to);
        to[s_.out_c] = 0;
      }
    }
    std::memset(to, 0, static_cast<size_t>(Most(end - Most(last, inside), 0) * depth) * sizeof *to);
    return strip_;
  }

  void AddTapRow(int32_t u, const int16_t* row, int32_t first, int32_t count) {
    const int32_t begin = InputErrorBlocks::FirstReader(s_, first);
    const int16_t* const errors = Errors(row, begin, InputErrorBlocks::LastReader(s_, first + count - 1) + 1);
    const int32_t residues = Least(s_.stride_w, count);
    for (int32_t residue = 0; residue < residues; ++residue) {
      // the taps that read the pixels of this residue
      const int32_t at = first + residue + s_.pad_left;
      int32_t v = 0;
      while (v < s_.filter_w && (at - v * s_.dilation_w) % s_.stride_w != 0) ++v;
      if (v >= s_.filter_w) continue;
      const int32_t position = (at - v * s_.dilation_w) / s_.stride_w;
      const int32_t taps = DivideUp(s_.filter_w - v, blocks_.tap_step);
      const Pixels pixels = {residue, DivideUp(count - residue, s_.stride_w)};
      if (blocks_.position_step == 1) {
        // their positions lie together, the last tap's first
        const int32_t last = v + (taps - 1) * blocks_.tap_step;
        AddTaps(u, last, taps, errors + (position - (taps - 1) - begin) * blocks_.depth, pixels);
        continue;
      }
      for (int32_t k = 0; k < taps; ++k) {
        const int32_t at_tap = position - k * blocks_.position_step - begin;
        AddTaps(u, v + k * blocks_.tap_step, 1, errors + at_tap * blocks_.depth, pixels);
      }
    }
  }

  struct Pixels {
    int32_t first, count;
  };

  /// `taps` of them, from `last` back, for pixels a stride apart; `errors`: those that the first pixel needs.
  void AddTaps(int32_t u, int32_t last, int32_t taps, const int16_t* errors, const Pixels& pixels) {
    const int32_t all = taps * blocks_.depth / 2;
    for (int32_t begin = 0; begin < all; begin += blocks_.pairs) {
      const int32_t end = Least(all, begin + blocks_.pairs);
      for (int32_t c = 0; c < s_.in_c; c += 4) {
        const int32_t width = Least(4, s_.in_c - c);
        PackFilters(u, last, begin, end, c, width);
        inner::AddProducts({columns_, end - begin, width}, {errors + 2 * begin, blocks_.depth, pixels.count},
                           {sums_ + pixels.first * s_.in_c + c, s_.stride_w * s_.in_c});
      }
    }
  }

  /// Pairs [begin, end) of taps' output channels.
  void PackFilters(int32_t u, int32_t last, int32_t begin, int32_t end, int32_t c, int32_t width) {
    const int32_t pairs = blocks_.depth / 2, filter = s_.filter_h * s_.filter_w * s_.in_c;
    int16_t* to = columns_;
    while (begin < end) {
      const int32_t k = begin / pairs, pair = begin - k * pairs, count = Least(end - begin, pairs - pair);
      const int8_t* from = w_ + 2 * pair * filter + (u * s_.filter_w + last - k * blocks_.tap_step) * s_.in_c + c;
      const bool has_half = blocks_.depth != s_.out_c && pair + count == pairs;
      const int32_t whole = count - (has_half ? 1 : 0);
      inner::PackPairs({from, from + filter, 2 * filter, 2 * filter, width, 0}, whole, to);
      if (has_half) {
        inner::PackPairs({from + 2 * whole * filter, kFourZeros, 0, 0, width, 0}, 1, to + ColumnPairElements(whole));
      }
      to += ColumnPairElements(count);
      begin += count;
    }
  }

  const ConvShape& s_;
  const InputErrorBlocks& blocks_;
  const int8_t* const w_;
  const int16_t* const dy_;
  int32_t* const sums_;
  int16_t *const columns_, *const strip_;
};

}  // namespace

void Conv2DInputError(const ConvShape& shape, const int8_t* w, const int16_t* dy, const Workspace<int32_t>& workspace,
                      ErrorRows& dx) {
  const ConvShape s = PixelsInRow(shape);
  const InputErrorBlocks blocks(s);
  InputErrorRow pixels(s, blocks, w, dy, workspace);
  for (int32_t row = 0; row < s.in_h; ++row) {
    for (int32_t first = 0; first < s.in_w; first += blocks.pixels) {
      const int32_t count = Least(blocks.pixels, s.in_w - first);
      const int32_t* const sums = pixels.Sums(row, first, count);
      dx.Put(static_cast<uint32_t>((row * s.in_w + first) * s.in_c), sums, static_cast<uint32_t>(s.in_c),
             static_cast<uint32_t>(count));
    }
  }
}

Conv2DGradient::Conv2DGradient(const ConvShape& shape, const ShiftedIntegers& x, const int16_t* dy,
                               const Workspace<int32_t>& workspace)
    : s_(shape),
      blocks_(shape),
      pointwise_(IsPointwise(shape)),
      x_(x),
      dy_(dy),
      sums_(workspace.values),
      errors_(reinterpret_cast<int16_t*>(sums_ + blocks_.channels * blocks_.filter)),
      columns_(errors_ + ErrorPairElements(blocks_.channels, blocks_.twos * blocks_.pixels)),
      strip_(reinterpret_cast<int8_t*>(columns_ + ColumnPairElements(blocks_.twos * blocks_.pixels))) {
  std::memset(zeros_, x.zero, sizeof zeros_);
}

const int32_t* Conv2DGradient::Rows(int32_t first, int32_t count) {
  Fill<int32_t>(0, sums_, static_cast<uint32_t>(count * blocks_.filter));
  const int32_t rows = pointwise_ ? 1 : s_.out_h;
  for (int32_t row = 0; row < rows; row += 2 * blocks_.twos) {
    const int32_t twos = Least(blocks_.twos, DivideUp(rows - row, 2));
    for (int32_t begin = 0; begin < blocks_.columns; begin += blocks_.positions) {
      const int32_t positions = Least(blocks_.positions, blocks_.columns - begin);
      AddPositions({first, count}, {row, twos, begin, positions, (twos - 1) * blocks_.pixels + positions});
    }
  }
  return sums_;
}

void Conv2DGradient::AddPositions(const Channels& channels, const Positions& positions) {
  if (!PackErrors(channels, positions)) return;
  for (int32_t u = 0; u < s_.filter_h; ++u) {
    int32_t* const sums = sums_ + u * s_.filter_w * s_.in_c;
    blocks_.gathers ? AddGathered(u, channels, positions, sums) : AddTapRow(u, channels, positions, sums);
  }
}

bool Conv2DGradient::PackErrors(const Channels& channels, const Positions& positions) {
  const int32_t columns = blocks_.columns, gap = ErrorPairElements(2, blocks_.pixels - positions.count);
  bool any = false;
  for (int32_t c = 0; c < channels.count; c += 2) {
    int16_t* to = errors_ + ErrorPairElements(c, positions.pairs);
    for (int32_t k = 0; k < positions.twos; ++k) {
      const int32_t row = positions.row + 2 * k;
      // of pixels in a row the second half is the second row, which may be one shorter
      const int32_t second_row = pointwise_ ? s_.out_h * s_.out_w - columns : row + 1 < s_.out_h ? columns : 0;
      const int32_t second_count = Least(positions.count, Most(0, second_row - positions.first));
      const int16_t* const from = dy_ + (row * columns + positions.first) * s_.out_c + channels.first + c;
      const int16_t* const next = second_count > 0 ? from + columns * s_.out_c : from;
      any |= inner::PackErrors({from, next, positions.count, second_count, s_.out_c, c + 1 < channels.count}, to);
      to += ErrorPairElements(2, positions.count);
      if (k == positions.twos - 1) break;
      std::memset(to, 0, static_cast<size_t>(gap) * sizeof *to);
      to += gap;
    }
  }
  return any;
}

void Conv2DGradient::AddColumn(int32_t pixel, int32_t width, const Channels& channels, const Positions& positions,
                               int32_t* sums) {
  inner::AddErrorProducts({columns_ + ColumnPairElements(pixel), positions.pairs, width}, {errors_, channels.count},
                          {sums, blocks_.filter});
}

Conv2DGradient::ImageRows Conv2DGradient::RowsAt(int32_t row, int32_t u) const {
  const int32_t columns = blocks_.columns;
  if (pointwise_) return {x_.values, x_.values + columns * s_.in_c, s_.out_h * s_.out_w - columns};
  const auto image_row = [this](int32_t i) {
    return i >= 0 && i < s_.in_h ? x_.values + i * s_.in_w * s_.in_c : nullptr;
  };
  const int32_t at = row * s_.stride_h - s_.pad_top + u * s_.dilation_h;
  return {image_row(at), image_row(at + s_.stride_h), s_.in_w};
}

int32_t Conv2DGradient::PixelsBefore(int32_t column, const Pixels& pixels) const {
  const int32_t columns = column - pixels.origin;
  if (columns <= 0) return 0;
  return Least(pixels.count, s_.stride_w == 1 ? columns : DivideUp(columns, s_.stride_w));
}

void Conv2DGradient::PackPixels(const ImageRows& rows, const Pixels& pixels, int32_t c, int16_t* to) const {
  const int32_t step = s_.stride_w * s_.in_c, width = Least(4, s_.in_c - c), before = pixels.before;
  const int32_t offset = (pixels.origin + before * s_.stride_w) * s_.in_c + c;
  // in both rows, in the first alone, and in none
  const int32_t both = rows.second != nullptr ? Most(before, PixelsBefore(rows.second_width, pixels)) : before;
  const int32_t inside = rows.first != nullptr ? Most(both, pixels.inside) : both;
  if (before > 0) inner::ClearPairs(before, to);
  to += ColumnPairElements(before);
  if (before < both) {
    const bool alone = rows.first == nullptr;
    const int8_t* const first = alone ? zeros_ : rows.first + offset;
    inner::PackPairs({first, rows.second + offset, alone ? 0 : step, step, width, x_.zero}, both - before, to);
    to += ColumnPairElements(both - before);
  }
  if (both < inside) {
    const int8_t* const first = rows.first + offset + (both - before) * step;
    inner::PackPairs({first, zeros_, step, 0, width, x_.zero}, inside - both, to);
    to += ColumnPairElements(inside - both);
  }
  if (inside < pixels.count) inner::ClearPairs(pixels.count - inside, to);
}

void Conv2DGradient::AddTapRow(int32_t u, const Channels& channels, const Positions& positions, int32_t* sums) {
  const int32_t tap_step = s_.stride_w / CommonDivisor(s_.stride_w, s_.dilation_w);
  const int32_t width = pointwise_ ? blocks_.columns : s_.in_w;
  for (int32_t residue = 0; residue < Least(s_.stride_w, (s_.filter_w - 1) * s_.dilation_w + 1); ++residue) {
    // taps whose pixels lie `residue` behind a multiple of the stride
    int32_t tap = 0;
    while (tap < s_.filter_w && tap * s_.dilation_w % s_.stride_w != residue) ++tap;
    if (tap >= s_.filter_w) continue;
    const int32_t last = tap + (s_.filter_w - 1 - tap) / tap_step * tap_step;
    const int32_t begin = tap * s_.dilation_w / s_.stride_w;  // the first pixel, counted from the residue
    Pixels pixels = {positions.first * s_.stride_w - s_.pad_left + residue + begin * s_.stride_w,
                     positions.count + last * s_.dilation_w / s_.stride_w - begin, 0, 0};
    pixels.before = PixelsBefore(0, pixels);
    pixels.inside = PixelsBefore(width, pixels);
    for (int32_t c = 0; c < s_.in_c; c += 4) {
      for (int32_t k = 0; k < positions.twos; ++k) {
        PackPixels(RowsAt(positions.row + 2 * k, u), pixels, c, columns_ + ColumnPairElements(k * blocks_.pixels));
      }
      for (int32_t v = tap; v <= last; v += tap_step) {
        AddColumn(v * s_.dilation_w / s_.stride_w - begin, Least(4, s_.in_c - c), channels, positions,
                  sums + v * s_.in_c + c);
      }
    }
  }
}

void Conv2DGradient::Gather(const int8_t* row, int32_t origin, int32_t bytes, int8_t* to) const {
  const int32_t begin = origin * s_.in_c, inside = Most(begin, 0);
  const int32_t end = row != nullptr ? Least(begin + bytes, s_.in_w * s_.in_c) : 0;
  if (end <= inside) {
    std::memset(to, x_.zero, static_cast<size_t>(bytes));
    return;
  }
  const int32_t before = inside - begin, behind = begin + bytes - end;
  if (before > 0) std::memset(to, x_.zero, static_cast<size_t>(before));
  CopyBytes(row + inside, to + before, end - inside);
  if (behind > 0) std::memset(to + bytes - behind, x_.zero, static_cast<size_t>(behind));
}

void Conv2DGradient::AddGathered(int32_t u, const Channels& channels, const Positions& positions, int32_t* sums) {
  const int32_t origin = positions.first * s_.stride_w - s_.pad_left, step = s_.stride_w * s_.in_c;
  const int32_t bytes = (positions.count - 1) * step + blocks_.depth;
  for (int32_t c = 0; c < blocks_.depth; c += 4) {
    const int32_t width = Least(4, blocks_.depth - c);
    for (int32_t k = 0; k < positions.twos; ++k) {
      const ImageRows rows = RowsAt(positions.row + 2 * k, u);
      Gather(rows.first, origin, bytes, strip_);
      Gather(rows.second, origin, bytes, strip_ + blocks_.strip);
      inner::PackPairs({strip_ + c, strip_ + blocks_.strip + c, step, step, width, x_.zero}, positions.count,
                       columns_ + ColumnPairElements(k * blocks_.pixels));
    }
    AddColumn(0, width, channels, positions, sums + c);
  }
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
