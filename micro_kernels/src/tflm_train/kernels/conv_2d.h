// CONV_2D: y[i, j, o] = act(sum_uvc x[.., .., c] w[o, u, v, c] + bias[o]); geometry: ConvShape. Grouped: an output
// channel reads the channels of its group only. What convolutions with such filters share: ConvWith.
#ifndef TFLM_TRAIN_KERNELS_CONV_2D_H_
#define TFLM_TRAIN_KERNELS_CONV_2D_H_

#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/locator.h"
#include "tflm_train/kernels/patch.h"
#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/kernels/selected_elements.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/kernels/workspace.h"

namespace tflm_train {

/// Which elements of the image an element of the output reads. `Runs` of ConvWith has
///   Channels(s): channels of a filter
///   Cursor(s).At(row, column): the taps of a position, with taps()
///   ImageOffset(s, channel): where a filter's first channel lies in a pixel
///   ForEachRun(s, patch, visit): see below.
struct FullRuns {
  using Cursor = PatchCursor;
  static int32_t Channels(const ConvShape& s) { return s.in_c; }
  static size_t ImageOffset(const ConvShape&, int32_t) { return 0; }

  /// Visits the stretches of taps that are contiguous in the image and in one channel's filter, ascending:
  /// visit(image offset, filter offset, elements).
  template <class Visit>
  static void ForEachRun(const ConvShape& s, const Patch& patch, Visit visit) {
    const bool contiguous = s.dilation_w == 1;
    const int32_t runs = contiguous ? (patch.columns.count() > 0 ? 1 : 0) : patch.columns.count();
    const uint32_t length = static_cast<uint32_t>((contiguous ? patch.columns.count() : 1) * s.in_c);
    const int32_t first_column = patch.columns.origin + patch.columns.begin * s.dilation_w;
    for (int32_t u = patch.rows.begin; u < patch.rows.end; ++u) {
      const int32_t image_row = patch.rows.origin + u * s.dilation_h;
      size_t image = size_t(image_row * s.in_w + first_column) * size_t(s.in_c);
      size_t filter = size_t(u * s.filter_w + patch.columns.begin) * size_t(s.in_c);
      for (int32_t run = 0; run < runs; ++run) {
        visit(image, filter, length);
        image += size_t(s.dilation_w) * size_t(s.in_c);
        filter += size_t(s.in_c);
      }
    }
  }
};

/// Every tap is a stretch of its own: in the image the channels of other groups lie between.
struct GroupedRuns {
  using Cursor = PatchCursor;
  static int32_t Channels(const ConvShape& s) { return s.filter_c; }
  static size_t ImageOffset(const ConvShape& s, int32_t channel) {
    return size_t(channel / (s.out_c / (s.in_c / s.filter_c)) * s.filter_c);
  }

  template <class Visit>
  static void ForEachRun(const ConvShape& s, const Patch& patch, Visit visit) {
    for (int32_t u = patch.rows.begin; u < patch.rows.end; ++u) {
      const int32_t image_row = (patch.rows.origin + u * s.dilation_h) * s.in_w;
      for (int32_t v = patch.columns.begin; v < patch.columns.end; ++v) {
        visit(size_t(image_row + patch.columns.origin + v * s.dilation_w) * size_t(s.in_c),
              size_t(u * s.filter_w + v) * size_t(s.filter_c), static_cast<uint32_t>(s.filter_c));
      }
    }
  }
};

template <class Runs>
struct ConvWith {
  static constexpr bool kDepthwise = false;
  using Cursor = typename Runs::Cursor;
  static size_t FilterElements(const ConvShape& s) {
    return size_t(s.filter_h) * size_t(s.filter_w) * size_t(Runs::Channels(s));
  }
  static uint32_t WeightsPerChannel(const ConvShape& s) { return static_cast<uint32_t>(FilterElements(s)); }
  /// Multiplications per tap and position, all output channels.
  static uint64_t ForwardPerTap(const ConvShape& s) { return uint64_t(Runs::Channels(s)) * uint64_t(s.out_c); }

  /// All channels of one position: put(channel, value).
  template <class Taps, class T, class Put>
  static void ForwardAt(const ConvShape& s, const Taps& patch, const T* x, const T* w, const T* bias,
                        const Bounds<T>& bounds, Put put) {
    const size_t filter_elements = FilterElements(s);
    for (int32_t channel = 0; channel < s.out_c; ++channel, w += filter_elements) {
      T sum = T(0);
      const T* pixels = x + Runs::ImageOffset(s, channel);
      Runs::ForEachRun(s, patch, [&sum, pixels, w](size_t image, size_t filter, uint32_t n) {
        sum = Dot(sum, pixels + image, w + filter, n);
      });
      if (bias != nullptr) sum += bias[channel];
      put(channel, bounds.Clamp(sum));
    }
  }

  /// dx += dy * w. `Locator`: the layer's own output, or the output of its max-pool. `W`: const T*, or ScaledWeights.
  template <class W, class T, class Locator>
  static void InputError(const ConvShape& s, const W& w, const T* dy, uint32_t elements, const Selection& selection,
                         Locator locator, T* dx, WorkCounters& work) {
    const size_t filter_elements = FilterElements(s);
    Cursor patches(s);
    SelectedElements<T> selected(selection, dy, elements);
    uint32_t element;
    while (selected.Next(&element)) {
      if (!locator.MoveTo(element)) continue;
      const auto& patch = patches.At(locator.row(), locator.column());
      const T error = Fold(w, dy[element], static_cast<uint32_t>(locator.channel()));
      const auto* filters = ValuesOf(w) + size_t(locator.channel()) * filter_elements;
      T* pixels = dx + Runs::ImageOffset(s, locator.channel());
      Runs::ForEachRun(
          s, patch, [=](size_t image, size_t filter, uint32_t n) { Axpy(error, filters + filter, pixels + image, n); });
      Count(work.input_error, uint64_t{patch.taps()} * uint64_t(Runs::Channels(s)));
    }
  }

  /// Rows dy * x, one for each filter, for `sink` to finish.
  template <class T, class Locator>
  static void WeightGradient(const ConvShape& s, const T* x, const T* dy, uint32_t elements, const Selection& selection,
                             const Locator& map, const Sink<T>& sink, const Workspace<T>& sums, T* target,
                             WorkCounters& work) {
    WeightGradientRows(s, x, dy, elements, selection, map, sums, work,
                       [&sink, target](size_t first, uint32_t, const T* row, uint32_t n, uint32_t) {
                         sink.End(target + first, row, n);
                       });
  }

  /// Each row dy * x: end(its first weight, channel, gradient, weights, step from one to the next). As many at a time
  /// as `sums` holds, at least one; each is summed there before its end, so that no small term is rounded away. `X`:
  /// const T*, or ShiftedInput. `E`: T, or integers whose sums are T.
  template <class X, class E, class Locator, class T, class End>
  static void WeightGradientRows(const ConvShape& s, const X& x, const E* dy, uint32_t elements,
                                 const Selection& selection, const Locator& map, const Workspace<T>& sums,
                                 WorkCounters& work, End end) {
    const uint32_t filter_elements = WeightsPerChannel(s), all = static_cast<uint32_t>(s.out_c);
    ChannelRange block = {0, 0, all};
    for (; block.first < all; block.first += block.count) {
      block.count = sums.Rows(filter_elements, all - block.first);
      Fill(T(0), sums.values, block.count * filter_elements);
      Locator locator = map;
      Cursor patches(s);
      ForEachSelected(selection, dy, elements, block, [&](uint32_t element) {
        if (!locator.MoveTo(element)) return;
        const auto& patch = patches.At(locator.row(), locator.column());
        const T error = dy[element];
        T* filters = sums.values + (static_cast<uint32_t>(locator.channel()) - block.first) * filter_elements;
        const X pixels = x + Runs::ImageOffset(s, locator.channel());
        Runs::ForEachRun(s, patch, [=](size_t image, size_t filter, uint32_t n) {
          Axpy(error, pixels + image, filters + filter, n);
        });
        Count(work.weight_gradient, uint64_t{patch.taps()} * uint64_t(Runs::Channels(s)));
      });
      for (uint32_t i = 0; i < block.count; ++i) {
        if (!SelectsChannel(selection, dy, elements, block.first + i, all)) continue;
        end(size_t{block.first + i} * filter_elements, block.first + i, sums.values + i * filter_elements,
            filter_elements, 1u);
      }
    }
  }
};

using Conv2d = ConvWith<FullRuns>;
using GroupedConv2d = ConvWith<GroupedRuns>;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_CONV_2D_H_
