// Fast backward pass of CONV_2D in int8 for errors of 16-bit integers: the plain kernels' sums, which are exact in any
// order. Geometry: ConvShape, not grouped.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_INT16_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_INT16_H_

#include "tflm_train/kernels/fast/s8/conv_2d.h"
#include "tflm_train/kernels/fast/s8/pairs.h"
#include "tflm_train/kernels/s8/int16_layers.h"

namespace tflm_train {
namespace fast {
namespace s8 {

constexpr int32_t Least(int32_t a, int32_t b) { return a < b ? a : b; }
constexpr int32_t Most(int32_t a, int32_t b) { return a < b ? b : a; }
constexpr int32_t EvenUp(int32_t n) { return (n + 1) / 2 * 2; }
constexpr int32_t DivideUp(int32_t a, int32_t b) { return (a + b - 1) / b; }
/// Towards minus infinity; b > 0.
constexpr int32_t DivideDown(int32_t a, int32_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }
constexpr int32_t CommonDivisor(int32_t a, int32_t b) {
  while (b != 0) {
    const int32_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

/// Where a window is a pixel the image is a row of them.
constexpr ConvShape PixelsInRow(ConvShape s) {
  if (!IsPointwise(s)) return s;
  s.in_w = s.out_w = s.out_h * s.out_w;
  s.in_h = s.out_h = 1;
  return s;
}

/// What Conv2DInputError does at a time, for a shape that PixelsInRow returns: some pixels of a row, whose sums lie in
/// the workspace, then four columns of filters, then a row of errors with zeros around it.
struct InputErrorBlocks {
  constexpr explicit InputErrorBlocks(const ConvShape& s)
      : tap_step(s.stride_w / CommonDivisor(s.stride_w, s.dilation_w)),
        position_step(s.dilation_w / CommonDivisor(s.stride_w, s.dilation_w)),
        depth(EvenUp(s.out_c)),
        pixels(Least(s.in_w, Most(kLeastPixels, kSums / s.in_c))),
        pairs(Least(kPairs, (position_step == 1 ? DivideUp(s.filter_w, tap_step) : 1) * depth / 2)),
        strip(FirstReader(s, 0) < 0 || LastReader(s, s.in_w - 1) >= s.out_w || depth != s.out_c
                  ? (pixels + (s.filter_w - 1) * s.dilation_w) / s.stride_w + 2
                  : 0) {}

  /// Columns of the output that lie around those that read an input column.
  static constexpr int32_t FirstReader(const ConvShape& s, int32_t column) {
    return DivideDown(column + s.pad_left - (s.filter_w - 1) * s.dilation_w, s.stride_w);
  }
  static constexpr int32_t LastReader(const ConvShape& s, int32_t column) {
    return DivideDown(column + s.pad_left, s.stride_w);
  }

  constexpr int64_t elements(const ConvShape& s) const {
    return int64_t{pixels} * s.in_c + ColumnPairElements(pairs) / 2 + int64_t{strip} * depth / 2;
  }

  static constexpr int32_t kSums = 1024, kLeastPixels = 4, kPairs = 128;

  /// From one tap to the next that reads the same input, and by how many positions it lies before.
  int32_t tap_step, position_step;
  int32_t depth;   // channels of an error, even
  int32_t pixels;  // of the input
  int32_t pairs;
  int32_t strip;  // positions; 0 where errors are read where they are
};

/// What Conv2DGradient does at a time: some channels, some positions of a few twos of rows of the output, for which it
/// keeps the channels' sums, their errors, four columns of inputs and, where an image has few channels, two rows of it
/// with its zero point around them.
struct WeightGradientBlocks {
  constexpr explicit WeightGradientBlocks(const ConvShape& s)
      : gathers(s.in_c < 4 && s.filter_w > 1 && s.dilation_w == 1),
        columns(IsPointwise(s) ? DivideUp(s.out_h * s.out_w, 2) : s.out_w),
        taps(gathers ? 1 : s.filter_w),
        depth(gathers ? s.filter_w * s.in_c : s.in_c),
        filter(s.filter_h * s.filter_w * s.in_c),
        channels(Least(EvenUp(s.out_c), ChannelsAtATime(filter))),
        positions(Least(columns, Least(kPairs, Most(kLeastPairs, kErrors / channels)))),
        pixels(positions + (taps - 1) * s.dilation_w / s.stride_w),
        twos(IsPointwise(s) ? 1 : Least(DivideUp(s.out_h, 2), Most(1, Least(kPairs, kErrors / channels) / pixels))),
        strip(gathers ? (positions - 1) * s.stride_w * s.in_c + depth : 0) {}

  constexpr int64_t elements() const {
    return int64_t{channels} * filter + int64_t{ErrorPairElements(channels, twos * pixels)} / 2 +
           ColumnPairElements(twos * pixels) / 2 + (2 * strip + 3) / 4;
  }

  /// Channels share the work of packing inputs: up to 16 and up to 8 if they need no more than so many sums, 4 in any
  /// case.
  static constexpr int32_t ChannelsAtATime(int32_t filter) {
    const int32_t many = Least(16, 2304 / filter / 2 * 2), some = Least(8, 4608 / filter / 2 * 2);
    return Most(many, Most(some, 4));
  }

  static constexpr int32_t kErrors = 576, kPairs = 72, kLeastPairs = 8;

  bool gathers;
  int32_t columns;      // of the output; a row of pixels counts as two halves
  int32_t taps, depth;  // taps that are read one by one, and numbers of each
  int32_t filter;       // weights of a channel
  int32_t channels, positions;
  int32_t pixels;  // of the input, for each residue of the stride; as far lie the errors of the next two rows
  int32_t twos;    // of rows
  int32_t strip;   // bytes of a row
};

/// Elements of the workspace; UINT32_MAX for what no memory holds.
constexpr uint32_t Conv2DInt16Workspace(const ConvShape& s) {
  const int64_t a = InputErrorBlocks(PixelsInRow(s)).elements(PixelsInRow(s)), b = WeightGradientBlocks(s).elements();
  const int64_t found = a < b ? b : a;
  return found < UINT32_MAX ? static_cast<uint32_t>(found) : UINT32_MAX;
}

/// As s8::ConvInputError<Conv2d>.
void Conv2DInputError(const ConvShape& shape, const int8_t* w, const int16_t* dy, const Workspace<int32_t>& workspace,
                      ErrorRows& dx);

/// The gradient of weights, some channels at a time.
class Conv2DGradient {
 public:
  Conv2DGradient(const ConvShape& shape, const ShiftedIntegers& x, const int16_t* dy,
                 const Workspace<int32_t>& workspace);

  int32_t channels() const { return blocks_.channels; }
  int32_t filter() const { return blocks_.filter; }
  /// Rows of sums [count, filter] of channels [first, first + count), count <= channels(); until the next call.
  const int32_t* Rows(int32_t first, int32_t count);

 private:
  struct Channels {
    int32_t first, count;
  };
  /// Positions [first, first + count) of `twos` twos of rows from `row` on.
  struct Positions {
    int32_t row, twos, first, count;
    int32_t pairs;  // and zeros between the rows'
  };
  /// Two rows of the image that a tap reads; null: outside. The second has `second_width` pixels.
  struct ImageRows {
    const int8_t *first, *second;
    int32_t second_width;
  };
  /// Pixels a stride apart, from column `origin` on: so many of them lie before the image, and before its end.
  struct Pixels {
    int32_t origin, count;
    int32_t before, inside;
  };
  ImageRows RowsAt(int32_t row, int32_t u) const;
  void AddPositions(const Channels& channels, const Positions& positions);
  bool PackErrors(const Channels& channels, const Positions& positions);
  void AddTapRow(int32_t u, const Channels& channels, const Positions& positions, int32_t* sums);
  int32_t PixelsBefore(int32_t column, const Pixels& pixels) const;
  void PackPixels(const ImageRows& rows, const Pixels& pixels, int32_t c, int16_t* to) const;
  void Gather(const int8_t* row, int32_t origin, int32_t bytes, int8_t* to) const;
  void AddGathered(int32_t u, const Channels& channels, const Positions& positions, int32_t* sums);
  void AddColumn(int32_t pixel, int32_t width, const Channels& channels, const Positions& positions, int32_t* sums);

  const ConvShape s_;
  const WeightGradientBlocks blocks_;
  const bool pointwise_;
  const ShiftedIntegers x_;
  const int16_t* const dy_;
  int32_t* const sums_;
  int16_t *const errors_, *const columns_;
  int8_t* const strip_;
  int8_t zeros_[4];  // of the input
};

/// As s8::ConvInputError<Conv2d> and Conv2d::WeightGradientRows, but for what they count.
struct Conv2DInt16 {
  static uint32_t Workspace(const ConvShape& s) { return Conv2DInt16Workspace(s); }

  static void InputError(const ConvShape& s, const int8_t* w, const int16_t* dy,
                         const tflm_train::Workspace<int32_t>& workspace, ErrorRows& dx) {
    Conv2DInputError(s, w, dy, workspace, dx);
  }

  template <class End>
  static void WeightGradientRows(const ConvShape& s, const ShiftedIntegers& x, const int16_t* dy, uint32_t elements,
                                 const Selection& selection, const tflm_train::Workspace<int32_t>& workspace, End end) {
    Conv2DGradient gradient(s, x, dy, workspace);
    const auto filter = static_cast<uint32_t>(gradient.filter()), all = static_cast<uint32_t>(s.out_c);
    const auto at_a_time = static_cast<uint32_t>(gradient.channels());
    for (uint32_t first = 0; first < all; first += at_a_time) {
      const uint32_t count = all - first < at_a_time ? all - first : at_a_time;
      const int32_t* row = gradient.Rows(static_cast<int32_t>(first), static_cast<int32_t>(count));
      for (uint32_t channel = first; channel < first + count; ++channel, row += filter) {
        if (!SelectsChannel(selection, dy, elements, channel, all)) continue;
        end(size_t{channel} * filter, channel, row, filter, 1u);
      }
    }
  }
};

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_INT16_H_
