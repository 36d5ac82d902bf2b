// DEPTHWISE_CONV_2D: y[i, j, o] = act(sum_uv x[.., .., o / multiplier] w[u, v, o] + bias[o]); geometry: ConvShape.
#ifndef TFLM_TRAIN_KERNELS_DEPTHWISE_CONV_2D_H_
#define TFLM_TRAIN_KERNELS_DEPTHWISE_CONV_2D_H_

#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/locator.h"
#include "tflm_train/kernels/patch.h"
#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/kernels/selected_elements.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/kernels/workspace.h"

namespace tflm_train {

struct DepthwiseConv2d {
  static constexpr bool kDepthwise = true;
  using Cursor = PatchCursor;
  static uint32_t WeightsPerChannel(const ConvShape& s) { return static_cast<uint32_t>(s.filter_h * s.filter_w); }
  /// Multiplications per tap and position, all output channels.
  static uint64_t ForwardPerTap(const ConvShape& s) { return uint64_t(s.out_c); }

  /// Visits the taps of a position, ascending: visit(image offset of channel 0, filter offset of channel 0); the
  /// filter's taps lie `step` elements apart.
  template <class Visit>
  static void ForEachTap(const ConvShape& s, const Patch& patch, size_t step, Visit visit) {
    for (int32_t u = patch.rows.begin; u < patch.rows.end; ++u) {
      const int32_t image_row = (patch.rows.origin + u * s.dilation_h) * s.in_w;
      for (int32_t v = patch.columns.begin; v < patch.columns.end; ++v) {
        visit(size_t(image_row + patch.columns.origin + v * s.dilation_w) * size_t(s.in_c),
              size_t(u * s.filter_w + v) * step);
      }
    }
  }

  /// All channels of one position: put(channel, value). A block of channels at a time, because neighbours in memory are
  /// channels, not taps.
  template <class T, class Put>
  static void ForwardAt(const ConvShape& s, const Patch& patch, const T* x, const T* w, const T* bias,
                        const Bounds<T>& bounds, Put put) {
    constexpr int32_t kBlock = 16;
    for (int32_t begin = 0; begin < s.out_c; begin += kBlock) {
      const int32_t count = s.out_c - begin < kBlock ? s.out_c - begin : kBlock;
      T sums[kBlock] = {};
      const int32_t first_input = begin / s.depth_multiplier;
      const int32_t first_copy = begin - first_input * s.depth_multiplier;
      ForEachTap(s, patch, size_t(s.out_c), [&, x, w](size_t image, size_t filter) {
        const T* pixel = x + image + first_input;
        const T* weights = w + filter + begin;
        if (s.depth_multiplier == 1) {
          MultiplyAdd(pixel, weights, sums, static_cast<uint32_t>(count));
          return;
        }
        int32_t copy = first_copy;
        for (int32_t i = 0; i < count; ++i) {
          sums[i] += *pixel * weights[i];
          if (++copy == s.depth_multiplier) {
            copy = 0;
            ++pixel;
          }
        }
      });
      for (int32_t i = 0; i < count; ++i) {
        const T sum = bias != nullptr ? sums[i] + bias[begin + i] : sums[i];
        put(begin + i, bounds.Clamp(sum));
      }
    }
  }

  /// dx += dy * w. `Locator`: the layer's own output, or the output of its max-pool. `W`: const T*, or ScaledWeights.
  template <class W, class T, class Locator>
  static void InputError(const ConvShape& s, const W& w, const T* dy, uint32_t elements, const Selection& selection,
                         Locator locator, T* dx, WorkCounters& work) {
    PatchCursor patches(s);
    SelectedElements<T> selected(selection, dy, elements);
    uint32_t element;
    while (selected.Next(&element)) {
      if (!locator.MoveTo(element)) continue;
      const Patch& patch = patches.At(locator.row(), locator.column());
      const T error = Fold(w, dy[element], static_cast<uint32_t>(locator.channel()));
      const auto* weights = ValuesOf(w) + locator.channel();
      T* plane = dx + InputChannel(s, locator.channel());
      ForEachTap(s, patch, size_t(s.out_c),
                 [=](size_t image, size_t filter) { plane[image] += error * static_cast<T>(weights[filter]); });
      Count(work.input_error, patch.taps());
    }
  }

  /// Rows dy * x, one for each channel, for `sink` to finish.
  template <class T, class Locator>
  static void WeightGradient(const ConvShape& s, const T* x, const T* dy, uint32_t elements, const Selection& selection,
                             const Locator& map, const Sink<T>& sink, const Workspace<T>& sums, T* target,
                             WorkCounters& work) {
    WeightGradientRows(s, x, dy, elements, selection, map, sums, work,
                       [&sink, target](size_t first, uint32_t, const T* row, uint32_t n, uint32_t step) {
                         sink.EndStrided(target + first, row, n, step);
                       });
  }

  /// Each row dy * x: end(its first weight, channel, gradient, weights, step from one to the next). As many at a time
  /// as `sums` [channels, taps] holds, at least one; each is summed there before its end, so that no small term is
  /// rounded away. `X`: const T*, or ShiftedInput. `E`: T, or integers whose sums are T.
  template <class X, class E, class Locator, class T, class End>
  static void WeightGradientRows(const ConvShape& s, const X& x, const E* dy, uint32_t elements,
                                 const Selection& selection, const Locator& map, const Workspace<T>& sums,
                                 WorkCounters& work, End end) {
    const uint32_t taps = WeightsPerChannel(s), all = static_cast<uint32_t>(s.out_c);
    ChannelRange block = {0, 0, all};
    for (; block.first < all; block.first += block.count) {
      block.count = sums.Rows(taps, all - block.first);
      Fill(T(0), sums.values, block.count * taps);
      Locator locator = map;
      PatchCursor patches(s);
      ForEachSelected(selection, dy, elements, block, [&](uint32_t element) {
        if (!locator.MoveTo(element)) return;
        const Patch& patch = patches.At(locator.row(), locator.column());
        const T error = dy[element];
        T* channel_sums = sums.values + (static_cast<uint32_t>(locator.channel()) - block.first) * taps;
        const X plane = x + size_t(InputChannel(s, locator.channel()));
        ForEachTap(s, patch, 1, [=](size_t image, size_t filter) { channel_sums[filter] += error * plane[image]; });
        Count(work.weight_gradient, patch.taps());
      });
      for (uint32_t i = 0; i < block.count; ++i) {
        if (!SelectsChannel(selection, dy, elements, block.first + i, all)) continue;
        end(size_t{block.first + i}, block.first + i, sums.values + i * taps, taps, all);
      }
    }
  }

 private:
  static int32_t InputChannel(const ConvShape& s, int32_t channel) {
    return s.depth_multiplier == 1 ? channel : channel / s.depth_multiplier;
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_DEPTHWISE_CONV_2D_H_
