#include "tflm_train/kernels/fast/taps.h"

namespace tflm_train {
namespace fast {

uint64_t PackedTaps(int32_t origin, int32_t taps, int32_t dilation, int32_t size) {
  // Steps from the origin to the first position inside and behind the last one.
  int32_t first = -origin, end = size - origin;
  if (dilation != 1) {
    first = (first + dilation - 1) / dilation;
    end = (end + dilation - 1) / dilation;
  }
  if (first < 0) first = 0;
  if (end > taps) end = taps;
  if (end < first) end = first;
  return static_cast<uint64_t>(static_cast<uint32_t>(end - first)) << 32 | static_cast<uint32_t>(first);
}

}  // namespace fast
}  // namespace tflm_train
