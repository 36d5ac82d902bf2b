#include "tflm_train/kernels/fast/taps.h"

namespace tflm_train {
namespace fast {

Taps ClipTaps(int32_t origin, int32_t taps, int32_t dilation, int32_t size) {
  int32_t first = 0, end = taps;
  if (dilation == 1) {
    if (origin < 0) first = -origin;
    if (end > size - origin) end = size - origin;
  } else {
    while (first < end && origin + first * dilation < 0) ++first;
    while (end > first && origin + (end - 1) * dilation >= size) --end;
  }
  return {first, end > first ? end - first : 0};
}

}  // namespace fast
}  // namespace tflm_train
