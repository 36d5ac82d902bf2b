// Updates of int8 weights with remainders by integers times a factor, on pairs of 16-bit numbers.
#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

// A number v = 256 * weight + remainder plus its step less 128 ends at the least of 16 bits, and 256 more, v + 128, at
// the largest. That has the weight as its high byte, and as its low one the remainder with its highest bit turned.
//
// A product has 48 bits, of which SMLAW drops the lowest 16. What it adds there rounds half up where more is dropped
// below, and is the 128 less.

// clang-format off

// Products whose high half is the step: of the inputs in x and y, weights 0 and 2 in p, 1 and 3 in q.
#define TFLM_TRAIN_SMALL_STEPS                    \
  "smlawb %[p], %[m], %[x], %[round]\n"           \
  "smlawb %[q], %[m], %[y], %[round]\n"           \
  "smlawt %[x], %[m], %[x], %[round]\n"           \
  "smlawt %[y], %[m], %[y], %[round]\n"           \
  "pkhtb %[p], %[q], %[p], asr #16\n"             \
  "pkhtb %[q], %[y], %[x], asr #16\n"

// Products of which the step is what is above bit 9.
#define TFLM_TRAIN_LARGE_STEPS                    \
  "smlawb %[p], %[m], %[x], %[round]\n"           \
  "smlawb %[q], %[m], %[y], %[round]\n"           \
  "smlawt %[x], %[m], %[x], %[round]\n"           \
  "smlawt %[y], %[m], %[y], %[round]\n"           \
  "lsl %[q], %[q], #7\n"                          \
  "lsl %[y], %[y], #7\n"                          \
  "pkhtb %[p], %[q], %[p], asr #9\n"              \
  "pkhtb %[q], %[y], %[x], asr #9\n"

// Numbers of both kinds are added and stored: weights in x and h, remainders and steps in p and q, together less 128.
#define TFLM_TRAIN_JOIN_AND_STORE(units)          \
  "qadd16 %[p], %[p], %[x]\n"                     \
  "qadd16 %[q], %[q], %[h]\n"                     \
  "qsub16 %[p], %[p], " units "\n"                \
  "qsub16 %[q], %[q], " units "\n"                \
  "lsr %[x], %[p], #8\n"                          \
  "sel %[x], %[q], %[x]\n"                        \
  "lsl %[q], %[q], #8\n"                          \
  "sel %[q], %[q], %[p]\n"                        \
  "eor %[q], %[q], #0x80808080\n"                 \
  "str %[x], [%[w]], #4\n"                        \
  "str %[q], [%[r]], #4\n"

// Bytes 1 and 3 are those that SEL takes from its first operand. `units`: -256 in both halves.
#define TFLM_TRAIN_ADD_TO_FOUR(STEPS)             \
  "ldr %[x], [%[in]], #4\n"                       \
  "ldr %[y], [%[in]], #4\n"                       \
  "ldr %[h], [%[w]]\n"                            \
  "ldr %[l], [%[r]]\n"                            \
  STEPS                                           \
  "and %[x], %[units], %[h], lsl #8\n"            \
  "and %[h], %[units], %[h]\n"                    \
  "sxtab16 %[p], %[p], %[l]\n"                    \
  "sxtab16 %[q], %[q], %[l], ror #8\n"            \
  TFLM_TRAIN_JOIN_AND_STORE("%[units]")

// The same by sums: SMMLA drops the lower half of a product of 64 bits, and adds what rounds half up where it is shifted
// further.
#define TFLM_TRAIN_ADD_SUMS_TO_FOUR               \
  "ldr %[p], [%[in]], #4\n"                       \
  "ldr %[q], [%[in]], #4\n"                       \
  "ldr %[x], [%[in]], #4\n"                       \
  "ldr %[y], [%[in]], #4\n"                       \
  "ldr %[h], [%[w]]\n"                            \
  "ldr %[l], [%[r]]\n"                            \
  "smmla %[p], %[p], %[m], %[round]\n"            \
  "smmla %[q], %[q], %[m], %[round]\n"            \
  "smmla %[x], %[x], %[m], %[round]\n"            \
  "smmla %[y], %[y], %[m], %[round]\n"            \
  "asr %[p], %[p], %[shift]\n"                    \
  "asr %[q], %[q], %[shift]\n"                    \
  "asr %[x], %[x], %[shift]\n"                    \
  "asr %[y], %[y], %[shift]\n"                    \
  "pkhbt %[p], %[p], %[x], lsl #16\n"             \
  "pkhbt %[q], %[q], %[y], lsl #16\n"             \
  "eor %[l], %[l], #0x80808080\n"                 \
  "uxtab16 %[p], %[p], %[l]\n"                    \
  "uxtab16 %[q], %[q], %[l], ror #8\n"            \
  "mov %[l], #0xff00ff00\n"                       \
  "and %[x], %[l], %[h], lsl #8\n"                \
  "and %[h], %[l], %[h]\n"                        \
  "qadd16 %[p], %[p], %[l]\n"                     \
  "qadd16 %[q], %[q], %[l]\n"                     \
  TFLM_TRAIN_JOIN_AND_STORE("%[l]")

// n >= 4 weights, and none of what n / 4 leaves over.
#define TFLM_TRAIN_ADD_TO_FOURS(STEPS)                                                                       \
  uint32_t a, b, h, l, p, q;                                                                                 \
  __asm volatile(                                                                                            \
      "lsr %[p], %[units], #8\n"                                                                             \
      "usub8 %[p], %[units], %[p]\n"                                                                         \
      "subs %[n], #16\n"                                                                                     \
      "blt 2f\n"                                                                                             \
      "1:\n" TFLM_TRAIN_ADD_TO_FOUR(STEPS) TFLM_TRAIN_ADD_TO_FOUR(STEPS) TFLM_TRAIN_ADD_TO_FOUR(STEPS)       \
          TFLM_TRAIN_ADD_TO_FOUR(STEPS)                                                                      \
      "subs %[n], #16\n"                                                                                     \
      "bge 1b\n"                                                                                             \
      "2:\n"                                                                                                 \
      "adds %[n], #12\n"                                                                                     \
      "blt 4f\n"                                                                                             \
      "3:\n" TFLM_TRAIN_ADD_TO_FOUR(STEPS)                                                                   \
      "subs %[n], #4\n"                                                                                      \
      "bge 3b\n"                                                                                             \
      "4:\n"                                                                                                 \
      : [in] "+r"(to.x), [w] "+r"(to.values), [r] "+r"(to.remainders), [n] "+r"(n), [x] "=&r"(a), [y] "=&r"(b), \
        [h] "=&r"(h), [l] "=&r"(l), [p] "=&r"(p), [q] "=&r"(q)                                               \
      : [m] "r"(multiplier), [round] "r"(round), [units] "r"(0xff00ff00)                                     \
      : "cc", "memory")

// clang-format on

struct Masters {
  const int16_t* x;
  int8_t *values, *remainders;
};

TFLM_TRAIN_NOINLINE void AddSmallSteps(int32_t multiplier, int32_t n, Masters& to) {
  constexpr int32_t round = (1 << 15) - (128 << 16);
  TFLM_TRAIN_ADD_TO_FOURS(TFLM_TRAIN_SMALL_STEPS);
}

TFLM_TRAIN_NOINLINE void AddLargeSteps(int32_t multiplier, int32_t n, Masters& to) {
  constexpr int32_t round = (1 << 8) - (128 << 9);
  TFLM_TRAIN_ADD_TO_FOURS(TFLM_TRAIN_LARGE_STEPS);
}

/// Fours of weights up to `end` of the sums. `shift` in [1, 31].
TFLM_TRAIN_NOINLINE void AddSumSteps(int32_t multiplier, int32_t shift, const int32_t* sums, const int32_t* end,
                                     Masters& to) {
  const int32_t round = int32_t{1} << (shift - 1);
  uint32_t a, b, h, l, p, q;
  __asm volatile(
      "mov %[p], #0xff00ff00\n"
      "lsr %[q], %[p], #8\n"
      "usub8 %[p], %[p], %[q]\n"
      "1:\n" TFLM_TRAIN_ADD_SUMS_TO_FOUR
      "ldr %[l], %[end]\n"
      "cmp %[in], %[l]\n"
      "bne 1b\n"
      : [in] "+r"(sums), [w] "+r"(to.values), [r] "+r"(to.remainders), [x] "=&r"(a), [y] "=&r"(b), [h] "=&r"(h),
        [l] "=&r"(l), [p] "=&r"(p), [q] "=&r"(q)
      : [m] "r"(multiplier), [round] "r"(round), [shift] "r"(shift), [end] "m"(end)
      : "cc", "memory");
}

/// Whether no step has more than 14 bits, nor its number with it more than 16.
bool AreSmall(const int32_t* sums, uint32_t n, int32_t shift) {
  if (shift >= 16) return true;
  uint32_t magnitudes = 0;
  for (uint32_t i = 0; i < n; ++i) magnitudes |= static_cast<uint32_t>(sums[i] ^ sums[i] >> 31);
  return magnitudes >> (15 + shift) == 0;
}

}  // namespace

void AddSumsToMasters(FixedFactor factor, const int32_t* sums, uint32_t n, int8_t* values, int8_t* remainders) {
  const int32_t shift = factor.shift - 32;
  const uint32_t fours = n & ~3u;
  if (fours == 0 || shift < 1 || shift > 31 || !AreSmall(sums, fours, shift)) {
    return portable::AddSumsToMasters(factor, sums, n, values, remainders);
  }
  Masters to = {nullptr, values, remainders};
  AddSumSteps(factor.multiplier, shift, sums, sums + fours, to);
  if (n != fours) portable::AddSumsToMasters(factor, sums + fours, n - fours, to.values, to.remainders);
}

void AddProductsToMasters(FixedFactor factor, const int16_t* x, uint32_t n, int8_t* values, int8_t* remainders) {
  // The multiplier of a product whose 32nd bit is 1 for a step of 1 keeps all bits of the factor, as far as its steps
  // are half a part or more; of one whose 25th bit is, likewise.
  const int32_t small = factor.shift - 32, large = factor.shift - 25;
  if (large < 0 || small > 7) return portable::AddProductsToMasters(factor, x, n, values, remainders);
  Masters to = {x, values, remainders};
  if (small >= 0) {
    AddSmallSteps(factor.multiplier >> small, static_cast<int32_t>(n), to);
  } else {
    AddLargeSteps(factor.multiplier >> large, static_cast<int32_t>(n), to);
  }
  if (n % 4 != 0) portable::AddProductsToMasters(factor, to.x, n % 4, to.values, to.remainders);
}

void Shift(const int8_t* x, uint32_t n, int32_t zero, int16_t* to) {
  const uint32_t zeros = Twice(zero);
  for (; n >= 4; n -= 4, x += 4, to += 4) {
    const uint32_t bytes = LoadWord(x), even = Subtract(Even(bytes), zeros), odd = Subtract(Odd(bytes), zeros);
    StoreWord((even & 0xffffu) | odd << 16, reinterpret_cast<int8_t*>(to));
    StoreWord(even >> 16 | (odd & 0xffff0000u), reinterpret_cast<int8_t*>(to + 2));
  }
  portable::Shift(x, n, zero, to);
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP
