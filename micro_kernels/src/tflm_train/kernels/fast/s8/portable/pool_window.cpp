#include "tflm_train/kernels/fast/s8/inner_portable.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {

void LargestOf(const PoolWindow& window, const Int8Range& range, int8_t* y, uint8_t* argmax) {
  for (int32_t c = 0; c < window.channels; ++c) {
    const int8_t* row = window.pixels + c;
    int32_t best = INT8_MIN - 1, winner = 0;
    for (int32_t u = 0; u < window.rows; ++u, row += window.stride) {
      const int8_t* pixel = row;
      for (int32_t v = 0; v < window.columns; ++v, pixel += window.channels) {
        if (*pixel <= best) continue;
        best = *pixel;
        winner = window.first + u * window.width + v;
      }
    }
    y[c] = range.Clamp(best);
    if (argmax != nullptr) argmax[c] = static_cast<uint8_t>(winner);
  }
}

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
