// Counts work without doing it. Called only where work counters are compiled in.
#ifndef TFLM_TRAIN_KERNELS_WORK_H_
#define TFLM_TRAIN_KERNELS_WORK_H_

#include "tflm_train/kernels/patch.h"
#include "tflm_train/kernels/selected_elements.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// Taps inside the image, summed over the output positions of one dimension.
inline uint64_t ValidTaps(int32_t outputs, int32_t stride, int32_t pad, int32_t taps, int32_t dilation, int32_t size) {
  uint64_t sum = 0;
  for (int32_t i = 0; i < outputs; ++i) {
    sum += static_cast<uint64_t>(TapsInside(i * stride - pad, taps, dilation, size).count());
  }
  return sum;
}

/// Taps inside the image of all positions of a convolution.
inline uint64_t ValidTaps(const ConvShape& s) {
  return ValidTaps(s.out_h, s.stride_h, s.pad_top, s.filter_h, s.dilation_h, s.in_h) *
         ValidTaps(s.out_w, s.stride_w, s.pad_left, s.filter_w, s.dilation_w, s.in_w);
}

/// As above, for the positions of one dimension that the windows of a pool visit.
inline uint64_t ValidTapsPooled(int32_t windows, int32_t pool_stride, int32_t pool_pad, int32_t pool_filter,
                                int32_t map, int32_t stride, int32_t pad, int32_t taps, int32_t dilation,
                                int32_t size) {
  uint64_t sum = 0;
  for (int32_t i = 0; i < windows; ++i) {
    const TapRange window = TapsInside(i * pool_stride - pool_pad, pool_filter, 1, map);
    for (int32_t u = window.begin; u < window.end; ++u) {
      sum += static_cast<uint64_t>(TapsInside((window.origin + u) * stride - pad, taps, dilation, size).count());
    }
  }
  return sum;
}

/// Taps inside the image of the positions that a max-pool reads.
inline uint64_t ValidTaps(const ConvShape& s, const PoolShape& p) {
  return ValidTapsPooled(p.out_h, p.stride_h, p.pad_top, p.filter_h, p.in_h, s.stride_h, s.pad_top, s.filter_h,
                         s.dilation_h, s.in_h) *
         ValidTapsPooled(p.out_w, p.stride_w, p.pad_left, p.filter_w, p.in_w, s.stride_w, s.pad_left, s.filter_w,
                         s.dilation_w, s.in_w);
}

/// Multiplications of a convolution's input error or weight gradient: of errors that are not zero, or of all; `per_tap`
/// of each error with each of its taps inside the image.
template <class T>
uint64_t ErrorProducts(const ConvShape& s, const T* dy, bool zeros_too, int32_t per_tap) {
  uint64_t products = 0;
  for (int32_t i = 0; i < s.out_h; ++i) {
    const auto rows = TapsInside(i * s.stride_h - s.pad_top, s.filter_h, s.dilation_h, s.in_h).count();
    for (int32_t j = 0; j < s.out_w; ++j, dy += s.out_c) {
      const auto columns = TapsInside(j * s.stride_w - s.pad_left, s.filter_w, s.dilation_w, s.in_w).count();
      int32_t errors = 0;
      for (int32_t c = 0; c < s.out_c; ++c) errors += zeros_too || dy[c] != T(0);
      products += uint64_t(errors) * uint64_t(rows) * uint64_t(columns);
    }
  }
  return products * uint64_t(per_tap);
}

/// Channels that have a selected element, or all of them.
template <class T, class Locator>
uint32_t SelectedChannels(const Selection& selection, const T* dy, uint32_t elements, const Locator& first) {
  const uint32_t channels = static_cast<uint32_t>(first.channels());
  if (selection.every_row()) return channels;
  constexpr uint32_t kBits = 32, kWords = 16, kBlock = kBits * kWords;
  uint32_t count = 0;
  for (uint32_t begin = 0; begin < channels; begin += kBlock) {  // one pass for each block of channels
    uint32_t seen[kWords] = {};
    Locator locator = first;
    SelectedElements<T> selected(selection, dy, elements);
    uint32_t element;
    while (selected.Next(&element)) {
      if (!locator.MoveTo(element)) continue;
      const uint32_t channel = static_cast<uint32_t>(locator.channel()) - begin;
      if (channel >= kBlock) continue;
      const uint32_t bit = 1u << channel % kBits;
      count += (seen[channel / kBits] & bit) == 0;
      seen[channel / kBits] |= bit;
    }
  }
  return count;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_WORK_H_
