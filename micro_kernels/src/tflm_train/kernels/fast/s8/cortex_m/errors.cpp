// Errors of 16-bit integers, two in a word.
#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

// clang-format off

#define TFLM_TRAIN_SHIFT_TWO                  \
  "asr %[a], %[a], %[less]\n"                 \
  "asr %[b], %[b], %[less]\n"                 \
  "add %[a], #1\n"                            \
  "add %[b], #1\n"                            \
  "asr %[a], %[a], #1\n"                      \
  "asr %[b], %[b], #1\n"

// Two numbers and their halves of a word of errors: SXTAH adds a half, after a rotation the other one.
#define TFLM_TRAIN_ADD_TWO                    \
  "ldr %[there], [%[to]], #4\n"               \
  "sxtah %[a], %[a], %[there]\n"              \
  "sxtah %[b], %[b], %[there], ror #16\n"

// Sums of two, saturated, into the word.
#define TFLM_TRAIN_STORE_TWO                  \
  "ssat %[a], #16, %[a]\n"                    \
  "ssat %[b], #16, %[b]\n"                    \
  "pkhbt %[a], %[a], %[b], lsl #16\n"         \
  "str %[a], [%[to], #-4]\n"

// To the sums of four channels their errors at a position; the address of the next one.
#define TFLM_TRAIN_SUM_FOUR                   \
  "ldr %[a], [%[dy]]\n"                       \
  "ldr %[b], [%[dy], #4]\n"                   \
  "add %[dy], %[bytes]\n"                     \
  "smlabb %[s0], %[a], %[one], %[s0]\n"       \
  "smlatb %[s1], %[a], %[one], %[s1]\n"       \
  "smlabb %[s2], %[b], %[one], %[s2]\n"       \
  "smlatb %[s3], %[b], %[one], %[s3]\n"

// clang-format on

TFLM_TRAIN_ALWAYS_INLINE inline bool IsShift(int32_t shift) { return shift > 0 && shift < 32; }

/// ORs the magnitudes of two 16-bit numbers into those halves: the numbers, or their complements where negative.
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t OrMagnitudes(uint32_t all, uint32_t pair) {
  uint32_t magnitudes;
  __asm(
      "sadd16 %[to], %[pair], %[zero]\n"
      "sel %[to], %[pair], %[complement]\n"
      : [to] "=&r"(magnitudes)
      : [pair] "r"(pair), [complement] "r"(~pair), [zero] "r"(0));
  return all | magnitudes;
}

/// All bits of the bytes of y with low < y < high, in all bytes of `lows` less and `highs` more by 1.
TFLM_TRAIN_ALWAYS_INLINE inline uint32_t Inside(uint32_t y, uint32_t above_low, uint32_t below_high, uint32_t ones) {
  uint32_t t;
  __asm(
      "ssub8 %[t], %[y], %[low]\n"
      "sel %[t], %[ones], %[zero]\n"
      "ssub8 %[y], %[high], %[y]\n"
      "sel %[t], %[t], %[zero]\n"
      : [t] "=&r"(t), [y] "+r"(y)
      : [low] "r"(above_low), [high] "r"(below_high), [ones] "r"(ones), [zero] "r"(0));
  return t;
}

TFLM_TRAIN_ALWAYS_INLINE inline uint32_t* Words(int16_t* values) { return reinterpret_cast<uint32_t*>(values); }

}  // namespace

uint32_t MaskClamped(int32_t low, int32_t high, const int8_t* y, uint32_t n, int16_t* dy) {
  uint32_t all = 0;
  if (high - low > 1) {
    const uint32_t above_low = FourTimes(low + 1), below_high = FourTimes(high - 1), ones = ~0u;
    uint32_t* words = Words(dy);
    for (; n >= 4; n -= 4, y += 4, words += 2) {
      const uint32_t mask = Inside(LoadWord(y), above_low, below_high, ones);
      const uint32_t even = Even(mask), odd = Odd(mask);
      uint32_t first, second;
      __asm("pkhbt %0, %1, %2, lsl #16" : "=r"(first) : "r"(even), "r"(odd));
      __asm("pkhtb %0, %2, %1, asr #16" : "=r"(second) : "r"(even), "r"(odd));
      first &= words[0];
      second &= words[1];
      words[0] = first;
      words[1] = second;
      all = OrMagnitudes(OrMagnitudes(all, first), second);
    }
    dy = reinterpret_cast<int16_t*>(words);
  }
  all = (all | all >> 16) & 0xffffu;
  return all | portable::MaskClamped(low, high, y, n, dy);
}

void FoldErrors(const int32_t* ratios, uint32_t step, uint32_t channels, int32_t shift, int16_t* values,
                uint32_t pixels) {
  if (channels % 2 != 0) return portable::FoldErrors(ratios, step, channels, shift, values, pixels);
  const int32_t half = shift == 0 ? 0 : 1 << (shift - 1);
  const uint32_t bytes = channels * static_cast<uint32_t>(sizeof *values);
  for (uint32_t c = 0; c < channels; c += 2, ratios += 2 * step) {
    const int32_t first = ratios[0], second = ratios[step];
    int16_t* at = values + c;
    for (uint32_t left = pixels; left > 0; --left) {
      uint32_t pair, high;
      __asm volatile(
          "ldr %[pair], [%[at]]\n"
          "smlatb %[high], %[pair], %[second], %[half]\n"
          "smlabb %[pair], %[pair], %[first], %[half]\n"
          "asr %[high], %[high], %[shift]\n"
          "asr %[pair], %[pair], %[shift]\n"
          "pkhbt %[pair], %[pair], %[high], lsl #16\n"
          "str %[pair], [%[at]]\n"
          "add %[at], %[bytes]\n"
          : [at] "+r"(at), [pair] "=&r"(pair), [high] "=&r"(high)
          : [first] "r"(first), [second] "r"(second), [half] "r"(half), [shift] "r"(shift), [bytes] "r"(bytes)
          : "memory");
    }
  }
}

void SumErrors(const int16_t* dy, uint32_t count, uint32_t step, uint32_t channels, int32_t* sums) {
  if (channels < 4) return portable::SumErrors(dy, count, step, channels, sums);
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  if (count % 2 != 0) {
    s0 = dy[0], s1 = dy[1], s2 = dy[2], s3 = dy[3];
    dy += step;
  }
  const uint32_t one = 1, bytes = step * static_cast<uint32_t>(sizeof *dy);
  for (uint32_t twos = count / 2; twos > 0; --twos) {
    uint32_t a, b;
    __asm volatile(
        TFLM_TRAIN_SUM_FOUR TFLM_TRAIN_SUM_FOUR
        : [dy] "+r"(dy), [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [a] "=&r"(a), [b] "=&r"(b)
        : [one] "r"(one), [bytes] "r"(bytes)
        : "memory");
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

uint32_t SumMagnitudes(const int32_t* sums, uint32_t n) {
  uint32_t all = 0;
  for (; n >= 4; n -= 4) {
    uint32_t a, b, c, d;
    __asm(
        "ldr %[a], [%[sums]], #4\n"
        "ldr %[b], [%[sums]], #4\n"
        "ldr %[c], [%[sums]], #4\n"
        "ldr %[d], [%[sums]], #4\n"
        "eor %[a], %[a], %[a], asr #31\n"
        "eor %[b], %[b], %[b], asr #31\n"
        "eor %[c], %[c], %[c], asr #31\n"
        "eor %[d], %[d], %[d], asr #31\n"
        "orr %[all], %[a]\n"
        "orr %[all], %[b]\n"
        "orr %[all], %[c]\n"
        "orr %[all], %[d]\n"
        : [sums] "+r"(sums), [all] "+r"(all), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
        :
        : "memory");
  }
  return all | portable::SumMagnitudes(sums, n);
}

uint32_t AddedMagnitudes(const int32_t* sums, uint32_t n, int32_t shift, const int16_t* to) {
  uint32_t all = 0;
  if (IsShift(shift)) {
    const int32_t less = shift - 1;
    for (; n >= 2; n -= 2) {
      uint32_t a, b, there;
      __asm(
          "ldr %[a], [%[sums]], #4\n"
          "ldr %[b], [%[sums]], #4\n" TFLM_TRAIN_SHIFT_TWO TFLM_TRAIN_ADD_TWO
          "eor %[a], %[a], %[a], asr #31\n"
          "eor %[b], %[b], %[b], asr #31\n"
          "orr %[all], %[a]\n"
          "orr %[all], %[b]\n"
          : [sums] "+r"(sums), [to] "+r"(to), [all] "+r"(all), [a] "=&r"(a), [b] "=&r"(b), [there] "=&r"(there)
          : [less] "r"(less)
          : "memory");
    }
  }
  return all | portable::AddedMagnitudes(sums, n, shift, to);
}

void PutSums(const int32_t* sums, uint32_t n, int32_t shift, int16_t* to) {
  if (IsShift(shift) && reinterpret_cast<uintptr_t>(to) % 4 == 0) {
    const int32_t less = shift - 1;
    for (; n >= 4; n -= 4) {
      int32_t a, b, c, d;
      __asm volatile(
          "ldr %[a], [%[sums]], #4\n"
          "ldr %[b], [%[sums]], #4\n"
          "ldr %[c], [%[sums]], #4\n"
          "ldr %[d], [%[sums]], #4\n"
          "asr %[a], %[a], %[less]\n"
          "asr %[b], %[b], %[less]\n"
          "asr %[c], %[c], %[less]\n"
          "asr %[d], %[d], %[less]\n"
          "add %[a], #1\n"
          "add %[b], #1\n"
          "add %[c], #1\n"
          "add %[d], #1\n"
          "ssat %[a], #16, %[a], asr #1\n"
          "ssat %[b], #16, %[b], asr #1\n"
          "ssat %[c], #16, %[c], asr #1\n"
          "ssat %[d], #16, %[d], asr #1\n"
          "pkhbt %[a], %[a], %[b], lsl #16\n"
          "pkhbt %[c], %[c], %[d], lsl #16\n"
          "str %[a], [%[to]], #4\n"
          "str %[c], [%[to]], #4\n"
          : [sums] "+r"(sums), [to] "+r"(to), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
          : [less] "r"(less)
          : "memory");
    }
  }
  portable::PutSums(sums, n, shift, to);
}

void AddSums(const int32_t* sums, uint32_t n, int32_t shift, int16_t* to) {
  uint32_t a, b, there;
  if (shift == 0) {
    for (; n >= 2; n -= 2) {
      __asm volatile(
          "ldr %[a], [%[sums]], #4\n"
          "ldr %[b], [%[sums]], #4\n" TFLM_TRAIN_ADD_TWO TFLM_TRAIN_STORE_TWO
          : [sums] "+r"(sums), [to] "+r"(to), [a] "=&r"(a), [b] "=&r"(b), [there] "=&r"(there)
          :
          : "memory");
    }
  } else if (IsShift(shift)) {
    const int32_t less = shift - 1;
    for (; n >= 2; n -= 2) {
      __asm volatile(
          "ldr %[a], [%[sums]], #4\n"
          "ldr %[b], [%[sums]], #4\n" TFLM_TRAIN_SHIFT_TWO TFLM_TRAIN_ADD_TWO TFLM_TRAIN_STORE_TWO
          : [sums] "+r"(sums), [to] "+r"(to), [a] "=&r"(a), [b] "=&r"(b), [there] "=&r"(there)
          : [less] "r"(less)
          : "memory");
    }
  }
  portable::AddSums(sums, n, shift, to);
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP
