#include "tflm_train/kernels/fast/s8/conv_2d_backward.h"

#include <algorithm>

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/s8/conv_2d.h"
#include "tflm_train/kernels/fast/strip.h"
#include "tflm_train/kernels/fast/taps.h"
#include "tflm_train/kernels/locator.h"
#include "tflm_train/kernels/magnitude.h"
#include "tflm_train/kernels/patch.h"
#include "tflm_train/kernels/work.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace {

void WidenScaled(const int8_t* w, float scale, uint32_t n, float* to) {
  for (; n >= 4; n -= 4, w += 4, to += 4) {
    to[0] = scale * static_cast<float>(w[0]);
    to[1] = scale * static_cast<float>(w[1]);
    to[2] = scale * static_cast<float>(w[2]);
    to[3] = scale * static_cast<float>(w[3]);
  }
  for (; n > 0; --n) *to++ = scale * static_cast<float>(*w++);
}

/// As ScatterErrors where a window is a pixel: a pixel's errors times their filters are summed before its dx changes.
TFLM_TRAIN_NOINLINE void SumPixels(const ConvErrors& errors, const ChannelRange& channels, const float* filters,
                                   float* dx, uint64_t& macs) {
  constexpr int32_t kQueue = 16;
  ScaledPatch rows[kQueue];
  const int32_t n = errors.conv.in_c;
  const bool zeros_too = errors.selection.mode == Selection::Mode::kAll;
  const float* error = errors.dy + channels.first;
  for (int32_t pixels = errors.conv.out_h * errors.conv.out_w; pixels > 0; --pixels, dx += n) {
    ScaledPatch* next = rows;
    const float* filter = filters;
    for (uint32_t left = channels.count; left > 0; --left, ++error, filter += n) {
      if (!zeros_too && IsZero(error)) continue;
      *next++ = {filter, *error};
      Count(macs, static_cast<uint64_t>(n));
      if (next == rows + kQueue) {
        tflm_train::inner::SumRow(rows, kQueue, n, dx);
        next = rows;
      }
    }
    if (next != rows) tflm_train::inner::SumRow(rows, static_cast<int32_t>(next - rows), n, dx);
    error += channels.all - channels.count;
  }
}

/// Windows of a row of the map, some of them at a time, over floats of what they cover of the image.
class WindowRow {
 public:
  WindowRow(const ConvErrors& errors, const ShiftedInput& x)
      : errors_(errors), x_(x), pool_(errors.pool), strip_(errors.conv) {
    strip_.in_h = Covered(pool_.filter_h, strip_.stride_h, strip_.filter_h, strip_.dilation_h);
    strip_.out_h = pool_.filter_h;
    strip_.pad_top = strip_.pad_left = 0;
    pool_.in_h = pool_.filter_h;
    pool_.out_h = 1;
    pool_.pad_top = pool_.pad_left = 0;
  }

  /// Floats of `windows` windows.
  uint64_t Elements(int32_t windows) const {
    return static_cast<uint64_t>(strip_.in_h) * static_cast<uint64_t>(strip_.in_c) *
           static_cast<uint64_t>(width() + (windows - 1) * column_step());
  }
  /// How many fit into so many floats, at least one.
  int32_t Windows(uint32_t elements) const {
    const uint32_t columns = elements / static_cast<uint32_t>(strip_.in_h * strip_.in_c);
    const auto covered = static_cast<uint32_t>(width()), step = static_cast<uint32_t>(column_step());
    if (columns < covered) return 1;
    return std::min(static_cast<int32_t>(1 + (columns - covered) / step), errors_.pool.out_w);
  }

  /// Adds to the filters of some channels what is under all of their errors.
  void Sum(const ChannelRange& channels, int32_t windows, float* strip, float* filters) {
    const PoolShape& map = errors_.pool;
    int32_t row = -map.pad_top * strip_.stride_h - errors_.conv.pad_top;
    const float* dy = errors_.dy;
    const uint8_t* argmax = errors_.argmax;
    for (int32_t i = 0; i < map.out_h; ++i, row += row_step()) {
      int32_t column = -map.pad_left * strip_.stride_w - errors_.conv.pad_left;
      for (int32_t j = 0; j < map.out_w; j += pool_.out_w) {
        pool_.out_w = map.out_w - j < windows ? map.out_w - j : windows;
        strip_.in_w = width() + (pool_.out_w - 1) * column_step();
        Fill(row, column, strip);
        uint64_t not_inside = 0;
        SumPatches({strip_, pool_, argmax, errors_.selection, dy}, channels, strip, filters, not_inside);
        column += pool_.out_w * column_step();
        dy += pool_.out_w * map.channels;
        if (argmax != nullptr) argmax += pool_.out_w * map.channels;
      }
    }
  }

 private:
  static int32_t Covered(int32_t window, int32_t stride, int32_t filter, int32_t dilation) {
    return (window - 1) * stride + (filter - 1) * dilation + 1;
  }

  /// The strip lies over the image with its first element at (row, column). Outside the image it is zero.
  TFLM_TRAIN_NOINLINE void Fill(int32_t row, int32_t column, float* to) const {
    const ConvShape& image = errors_.conv;
    const Taps columns = ClipTaps(column, strip_.in_w, 1, image.in_w);
    const int32_t depth = image.in_c;
    const auto left = static_cast<uint32_t>(columns.first * depth),
               inside = static_cast<uint32_t>(columns.count * depth);
    const auto all = static_cast<uint32_t>(strip_.in_w * depth);
    for (int32_t end = row + strip_.in_h; row < end; ++row, to += all) {
      if (row < 0 || row >= image.in_h) {
        tflm_train::inner::Clear(to, all);
        continue;
      }
      for (uint32_t i = 0; i < left; ++i) to[i] = 0.0f;
      const int8_t* from = x_.values + (int64_t{row} * image.in_w + column + columns.first) * depth;
      WidenInput(from, inside, x_.zero, to + left);
      for (uint32_t i = left + inside; i < all; ++i) to[i] = 0.0f;
    }
  }

  static void WidenInput(const int8_t* x, uint32_t n, int32_t zero, float* to) {
    for (; n >= 4; n -= 4, x += 4, to += 4) {
      to[0] = static_cast<float>(x[0] - zero);
      to[1] = static_cast<float>(x[1] - zero);
      to[2] = static_cast<float>(x[2] - zero);
      to[3] = static_cast<float>(x[3] - zero);
    }
    for (; n > 0; --n) *to++ = static_cast<float>(*x++ - zero);
  }

  /// On the image, from window to window.
  int32_t row_step() const { return pool_.stride_h * strip_.stride_h; }
  int32_t column_step() const { return pool_.stride_w * strip_.stride_w; }
  /// Columns that a window covers.
  int32_t width() const { return Covered(pool_.filter_w, strip_.stride_w, strip_.filter_w, strip_.dilation_w); }

  const ConvErrors& errors_;
  const ShiftedInput& x_;
  PoolShape pool_;   // of the windows on the strip
  ConvShape strip_;  // of the convolution there
};

/// The sums [count, n] of some channels' filters are whole.
TFLM_TRAIN_NOINLINE void EndFloatGradients(const ConvErrors& errors, const ChannelRange& channels, const RowEnd& end,
                                           const float* sums, uint32_t n) {
  const auto elements = static_cast<uint32_t>(errors.pool.out_h * errors.pool.out_w) * channels.all;
  for (uint32_t i = 0; i < channels.count; ++i, sums += n) {
    const uint32_t channel = channels.first + i;
    if (!SelectsChannel(errors.selection, errors.dy, elements, channel, channels.all)) continue;
    end.run(end.sink, channel, sums, n);
  }
}

/// Multiplications with taps inside the image.
template <class Locator>
uint64_t CountTaps(const ConvErrors& errors, uint32_t elements, Locator locator) {
  uint64_t taps = 0;
  PatchCursor patches(errors.conv);
  ForEachSelected(errors.selection, errors.dy, elements, {0, 1, 1}, [&](uint32_t element) {
    if (locator.MoveTo(element)) taps += patches.At(locator.row(), locator.column()).taps();
  });
  return taps * static_cast<uint64_t>(errors.conv.in_c);
}

}  // namespace

uint32_t WindowStrip(const ConvShape& conv, const PoolShape& pool) {
  const Selection all;
  const ConvErrors errors = {conv, pool, nullptr, all, nullptr};
  const ShiftedInput nothing = {nullptr, 0};
  const WindowRow row(errors, nothing);
  const uint64_t found = row.Elements(row.Windows(kMaxStrip));
  return found < UINT32_MAX ? static_cast<uint32_t>(found) : UINT32_MAX;
}

void Conv2DWeightGradient(const ConvErrors& errors, const ShiftedInput& x, Workspace<float> workspace,
                          const RowEnd& end, uint64_t& macs) {
  const ConvShape& conv = errors.conv;
  const auto all = static_cast<uint32_t>(conv.out_c);
  const auto filter = static_cast<uint32_t>(conv.filter_h * conv.filter_w * conv.in_c);
  WindowRow row(errors, x);
  float* const strip = workspace.values;
  const int32_t windows = row.Windows(std::min<uint32_t>(kMaxStrip, workspace.elements - filter));
  const auto taken = static_cast<uint32_t>(row.Elements(windows));
  workspace = {strip + taken, workspace.elements - taken};
  ChannelRange block = {0, 0, all};
  for (; block.first < all; block.first += block.count) {
    block.count = workspace.Rows(filter, all - block.first);
    tflm_train::inner::Clear(workspace.values, block.count * filter);
    row.Sum(block, windows, strip, workspace.values);
    EndFloatGradients(errors, block, end, workspace.values, filter);
  }
  if constexpr (kCountWork) {
    const auto elements = static_cast<uint32_t>(errors.pool.out_h * errors.pool.out_w) * all;
    if (errors.argmax != nullptr) {
      macs += CountTaps(errors, elements, PooledLocator(errors.pool, errors.argmax));
    } else {
      macs += CountTaps(errors, elements, DirectLocator(conv.out_w, conv.out_c));
    }
  }
}

void Conv2DInputError(const ConvErrors& errors, const ScaledWeights& w, float* dx, Workspace<float> workspace,
                      uint64_t& macs) {
  const ConvShape& conv = errors.conv;
  const auto all = static_cast<uint32_t>(conv.out_c);
  const auto filter = static_cast<uint32_t>(conv.filter_h * conv.filter_w * conv.in_c);
  const bool pointwise = IsPointwise(conv) && errors.argmax == nullptr;
  float* const strip = pointwise ? nullptr : TakeStrip(errors, filter, &workspace);
  ChannelRange block = {0, 0, all};
  for (; block.first < all; block.first += block.count) {
    block.count = workspace.Rows(filter, all - block.first);
    for (uint32_t i = 0; i < block.count; ++i) {
      const uint32_t channel = block.first + i;
      WidenScaled(w.values + size_t{channel} * filter, w.scales[size_t{channel} * w.step], filter,
                  workspace.values + i * filter);
    }
    if (pointwise) {
      SumPixels(errors, block, workspace.values, dx, macs);
    } else {
      ScatterErrors(errors, block, workspace.values, strip, dx, macs);
    }
  }
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
