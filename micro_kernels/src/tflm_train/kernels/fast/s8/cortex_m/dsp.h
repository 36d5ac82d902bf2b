// Instructions on pairs of 16-bit numbers, and requantisation with them.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_CORTEX_M_DSP_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_CORTEX_M_DSP_H_

#include <cstring>

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/s8/quick_stage.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {

/// Four bytes from any address.
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t LoadWord(const int8_t* x) {
  uint32_t word;
  std::memcpy(&word, x, sizeof word);
  return word;
}
TFLM_TRAIN_ALWAYS_INLINE inline void StoreWord(uint32_t word, int8_t* y) { std::memcpy(y, &word, sizeof word); }
TFLM_TRAIN_ALWAYS_INLINE inline void StoreHalf(uint32_t word, int8_t* y) {
  const auto half = static_cast<uint16_t>(word);
  std::memcpy(y, &half, sizeof half);
}

/// Bytes 0 and 2 as 16-bit numbers.
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t Even(uint32_t bytes) {
  uint32_t pair;
  __asm("sxtb16 %0, %1" : "=r"(pair) : "r"(bytes));
  return pair;
}
/// Bytes 1 and 3.
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t Odd(uint32_t bytes) {
  uint32_t pair;
  __asm("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
  return pair;
}
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t Subtract(uint32_t a, uint32_t b) {
  uint32_t pair;
  __asm("ssub16 %0, %1, %2" : "=r"(pair) : "r"(a), "r"(b));
  return pair;
}
TFLM_TRAIN_ALWAYS_INLINE inline int32_t MultiplyAdd(uint32_t a, uint32_t b, int32_t sum) {
  __asm("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

/// Products of the low halves, and of the high halves.
TFLM_TRAIN_ALWAYS_INLINE inline int32_t MultiplyAddLow(uint32_t a, uint32_t b, int32_t sum) {
  __asm("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}
TFLM_TRAIN_ALWAYS_INLINE inline int32_t MultiplyAddHigh(uint32_t a, uint32_t b, int32_t sum) {
  __asm("smlatt %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

/// Two 16-bit numbers in a word, and one in both halves.
constexpr uint32_t PackHalves(int32_t low, int32_t high) {
  return (static_cast<uint32_t>(low) & 0xffffu) | static_cast<uint32_t>(high) << 16;
}
constexpr uint32_t Twice(int32_t value) { return PackHalves(value, value); }
/// A number in all bytes.
constexpr uint32_t FourTimes(int32_t value) { return (static_cast<uint32_t>(value) & 0xffu) * 0x1010101u; }

/// Requantize and the zero point, limited to int8, by a factor that QuickStage calls quick: the doubled sum may
/// saturate; a carry rounds the shift up, and one less for negative numbers turns ties away from zero.
TFLM_TRAIN_ALWAYS_INLINE inline int32_t RequantizeQuick(int32_t sum, int32_t multiplier, int32_t right,
                                                        int32_t zero_point) {
  __asm(
      "qadd %[sum], %[sum], %[sum]\n"
      "smmulr %[sum], %[sum], %[multiplier]\n"
      "add %[sum], %[sum], %[sum], asr #31\n"
      "asrs %[sum], %[sum], %[right]\n"
      "adc %[sum], %[sum], %[zero]\n"
      "ssat %[sum], #8, %[sum]\n"
      : [sum] "+r"(sum)
      : [multiplier] "r"(multiplier), [right] "r"(right), [zero] "r"(zero_point)
      : "cc");
  return sum;
}

/// As stage.Apply says, for what is not quick.
TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE inline int32_t RequantizePlain(const OutputStage& stage, int32_t sum,
                                                                   int32_t channel) {
  return stage.Apply(sum, static_cast<uint32_t>(channel));
}

/// Four numbers of int8 as bytes, clamped to [low, high] in all bytes of `lows` and `highs`.
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t PackClamped(int32_t a, int32_t b, int32_t c, int32_t d, uint32_t lows,
                                                     uint32_t highs) {
  uint32_t even, odd;
  __asm(
      "pkhbt %[even], %[a], %[c], lsl #16\n"
      "pkhbt %[odd], %[b], %[d], lsl #16\n"
      "uxtb16 %[even], %[even]\n"
      "uxtb16 %[odd], %[odd]\n"
      "orr %[even], %[even], %[odd], lsl #8\n"
      "ssub8 %[odd], %[even], %[lows]\n"
      "sel %[even], %[even], %[lows]\n"
      "ssub8 %[odd], %[highs], %[even]\n"
      "sel %[even], %[even], %[highs]\n"
      : [even] "=&r"(even), [odd] "=&r"(odd)
      : [a] "r"(a), [b] "r"(b), [c] "r"(c), [d] "r"(d), [lows] "r"(lows), [highs] "r"(highs));
  return even;
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_CORTEX_M_DSP_H_
