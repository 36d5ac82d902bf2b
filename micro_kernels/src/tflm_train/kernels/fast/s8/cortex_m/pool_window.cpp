// The largest of some bytes for four channels at a time.
#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

/// Bytes of `best` that are less than those of `bytes` become these, and those of `winners` those of `tap`.
TFLM_TRAIN_ALWAYS_INLINE inline void TakeLarger(uint32_t bytes, uint32_t tap, uint32_t& best, uint32_t& winners) {
  uint32_t difference;
  __asm(
      "ssub8 %[difference], %[best], %[bytes]\n"
      "sel %[best], %[best], %[bytes]\n"
      "sel %[winners], %[winners], %[tap]\n"
      : [best] "+r"(best), [winners] "+r"(winners), [difference] "=&r"(difference)
      : [bytes] "r"(bytes), [tap] "r"(tap));
}

/// Bytes within those of lows and highs.
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t ClampBytes(uint32_t bytes, uint32_t lows, uint32_t highs) {
  uint32_t difference;
  __asm(
      "ssub8 %[difference], %[bytes], %[lows]\n"
      "sel %[bytes], %[bytes], %[lows]\n"
      "ssub8 %[difference], %[highs], %[bytes]\n"
      "sel %[bytes], %[bytes], %[highs]\n"
      : [bytes] "+r"(bytes), [difference] "=&r"(difference)
      : [lows] "r"(lows), [highs] "r"(highs));
  return bytes;
}

}  // namespace

void LargestOf(const PoolWindow& window, const Int8Range& range, int8_t* y, uint8_t* argmax) {
  const int32_t channels = window.channels, columns = window.columns, rows = window.rows;
  if (channels < 4) return portable::LargestOf(window, range, y, argmax);
  const uint32_t lows = FourTimes(range.low), highs = FourTimes(range.high);
  const uint32_t first = FourTimes(window.first), next_row = FourTimes(window.width - columns);
  const int32_t back = window.stride - columns * channels;
  for (int32_t c = 0;;) {
    const int8_t* pixel = window.pixels + c;
    uint32_t best = LoadWord(pixel), winners = first, tap = first;
    for (int32_t u = rows; u > 0; --u, pixel += back, tap += next_row) {
      for (int32_t v = columns; v > 0; --v, pixel += channels, tap += 0x01010101u) {
        TakeLarger(LoadWord(pixel), tap, best, winners);
      }
    }
    StoreWord(ClampBytes(best, lows, highs), y + c);
    if (argmax != nullptr) StoreWord(winners, reinterpret_cast<int8_t*>(argmax) + c);
    if (c == channels - 4) return;
    c = c + 8 <= channels ? c + 4 : channels - 4;  // the last four may overlap those before them
  }
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP
