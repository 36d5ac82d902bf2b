// Errors of 16-bit integers in plain C++.
#include "tflm_train/kernels/fast/s8/inner_portable.h"
#include "tflm_train/kernels/s8/int16_errors.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {

uint32_t MaskClamped(int32_t low, int32_t high, const int8_t* y, uint32_t n, int16_t* dy) {
  uint32_t all = 0;
  for (uint32_t i = 0; i < n; ++i) {
    if (y[i] <= low || y[i] >= high) dy[i] = 0;
    all |= Magnitude(dy[i]);
  }
  return all;
}

void FoldErrors(const int32_t* ratios, uint32_t step, uint32_t channels, int32_t shift, int16_t* values,
                uint32_t pixels) {
  const int32_t half = shift == 0 ? 0 : 1 << (shift - 1);
  for (; pixels > 0; --pixels, values += channels) {
    for (uint32_t c = 0; c < channels; ++c) {
      values[c] = static_cast<int16_t>((values[c] * ratios[c * step] + half) >> shift);
    }
  }
}

void SumErrors(const int16_t* dy, uint32_t count, uint32_t step, uint32_t channels, int32_t* sums) {
  for (uint32_t c = 0; c < channels; ++c) sums[c] = 0;
  for (; count > 0; --count, dy += step) {
    for (uint32_t c = 0; c < channels; ++c) sums[c] += dy[c];
  }
}

uint32_t SumMagnitudes(const int32_t* sums, uint32_t n) {
  uint32_t all = 0;
  for (uint32_t i = 0; i < n; ++i) all |= Magnitude(sums[i]);
  return all;
}

uint32_t AddedMagnitudes(const int32_t* sums, uint32_t n, int32_t shift, const int16_t* to) {
  uint32_t all = 0;
  for (uint32_t i = 0; i < n; ++i) all |= Magnitude(ShiftRight(sums[i], shift) + to[i]);
  return all;
}

void PutSums(const int32_t* sums, uint32_t n, int32_t shift, int16_t* to) {
  for (uint32_t i = 0; i < n; ++i) to[i] = ToInt16(ShiftRight(sums[i], shift));
}

void AddSums(const int32_t* sums, uint32_t n, int32_t shift, int16_t* to) {
  for (uint32_t i = 0; i < n; ++i) to[i] = ToInt16(ShiftRight(sums[i], shift) + to[i]);
}

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
