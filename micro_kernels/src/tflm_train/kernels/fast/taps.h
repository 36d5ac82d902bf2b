// The taps of a filter that lie inside the image, in one dimension.
#ifndef TFLM_TRAIN_KERNELS_FAST_TAPS_H_
#define TFLM_TRAIN_KERNELS_FAST_TAPS_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {
namespace fast {

struct Taps {
  int32_t first, count;
};

/// ClipTaps: the first in the low half, the number in the high one. A struct would be returned through memory.
TFLM_TRAIN_COLD uint64_t PackedTaps(int32_t origin, int32_t taps, int32_t dilation, int32_t size);

/// Tap u reads `origin + u * dilation`; positions [0, size) are inside.
inline Taps ClipTaps(int32_t origin, int32_t taps, int32_t dilation, int32_t size) {
  const uint64_t packed = PackedTaps(origin, taps, dilation, size);
  return {static_cast<int32_t>(packed), static_cast<int32_t>(packed >> 32)};
}

/// Taps inside the image, summed over `outputs` positions: for the work counters.
inline uint64_t SumTaps(int32_t outputs, int32_t stride, int32_t pad, int32_t taps, int32_t dilation, int32_t size) {
  uint64_t sum = 0;
  for (int32_t i = 0; i < outputs; ++i) sum += uint64_t(ClipTaps(i * stride - pad, taps, dilation, size).count);
  return sum;
}

/// The same over the positions that the windows of a pool visit; `map` positions exist.
inline uint64_t SumPooledTaps(int32_t windows, int32_t pool_stride, int32_t pool_pad, int32_t window, int32_t map,
                              int32_t stride, int32_t pad, int32_t taps, int32_t dilation, int32_t size) {
  uint64_t sum = 0;
  for (int32_t i = 0; i < windows; ++i) {
    const int32_t origin = i * pool_stride - pool_pad;
    const Taps visited = ClipTaps(origin, window, 1, map);
    for (int32_t v = visited.first; v < visited.first + visited.count; ++v) {
      sum += uint64_t(ClipTaps((origin + v) * stride - pad, taps, dilation, size).count);
    }
  }
  return sum;
}

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_TAPS_H_
