// Updates of int8 weights with remainders, on pairs of joined 16-bit numbers.
#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP && TFLM_TRAIN_HAS_CORTEX_M_FPU

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"
#include "tflm_train/kernels/s8/rounding.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

// A number u = 256 * weight + remainder + 128 has the weight as its high byte, and as its low one the remainder with
// its highest bit turned. The least one, -127 * 256, is 256 above the least of 16 bits: a step 256 too small, then 256
// more, each saturating, limit both ends. 16 bits of fraction below the step make of its high half the step itself, and
// of a step beyond 16 bits an invalid conversion, which a flag tells of.

// clang-format off

#define TFLM_TRAIN_FOUR_TIMES_FOUR(FOUR)           \
  FOUR("s0", "s1", "s2", "s3")                     \
  FOUR("s4", "s5", "s6", "s7")                     \
  FOUR("s8", "s9", "s10", "s11")                   \
  FOUR("s12", "s13", "s14", "s15")
#define TFLM_TRAIN_ONE_FOUR(FOUR) FOUR("s0", "s1", "s2", "s3")

#define TFLM_TRAIN_STEP(a, b, c, d)   \
  "vmul.f32 " a ", " a ", s16\n"      \
  "vmul.f32 " b ", " b ", s16\n"      \
  "vmul.f32 " c ", " c ", s16\n"      \
  "vmul.f32 " d ", " d ", s16\n"
#define TFLM_TRAIN_ADD_HALF(a, b, c, d) \
  "vadd.f32 " a ", " a ", s17\n"        \
  "vadd.f32 " b ", " b ", s17\n"        \
  "vadd.f32 " c ", " c ", s17\n"        \
  "vadd.f32 " d ", " d ", s17\n"
#define TFLM_TRAIN_FLOOR(a, b, c, d)    \
  "vcvtr.s32.f32 " a ", " a "\n"        \
  "vcvtr.s32.f32 " b ", " b "\n"        \
  "vcvtr.s32.f32 " c ", " c "\n"        \
  "vcvtr.s32.f32 " d ", " d "\n"

// Bytes 1 and 3 are those that SEL takes from its first operand.
#define TFLM_TRAIN_ADD_TO_FOUR(a, b, c, d)            \
  "vmov %[p], %[q], " a ", " b "\n"                   \
  "vmov %[t], %[u], " c ", " d "\n"                   \
  "ldr %[h], [%[w]]\n"                                \
  "ldr %[l], [%[r]]\n"                                \
  "pkhtb %[p], %[t], %[p], asr #16\n"                 \
  "pkhtb %[q], %[u], %[q], asr #16\n"                 \
  "eor %[l], %[l], #0x80808080\n"                     \
  "rev16 %[l], %[l]\n"                                \
  "sel %[u], %[h], %[l]\n"                            \
  "sel %[t], %[l], %[h]\n"                            \
  "rev16 %[t], %[t]\n"                                \
  "qadd16 %[u], %[u], %[q]\n"                         \
  "qadd16 %[t], %[t], %[p]\n"                         \
  "qadd16 %[u], %[u], %[unit]\n"                      \
  "qadd16 %[t], %[t], %[unit]\n"                      \
  "rev16 %[t], %[t]\n"                                \
  "sel %[h], %[u], %[t]\n"                            \
  "sel %[l], %[t], %[u]\n"                            \
  "rev16 %[l], %[l]\n"                                \
  "eor %[l], %[l], #0x80808080\n"                     \
  "str %[h], [%[w]], #4\n"                            \
  "str %[l], [%[r]], #4\n"

// clang-format on

/// The floating point status: how to round, and that a conversion was invalid.
constexpr uint32_t kRoundingMode = 3u << 22, kRoundDown = 2u << 22, kInvalid = 1;

uint32_t FloatStatus() {
  uint32_t status;
  __asm volatile("vmrs %0, fpscr" : "=r"(status));
  return status;
}

struct Masters {
  const float* gradient;
  int8_t *values, *remainders;
};

// A number of times a number of weights, from a step in 1/65536 of a part, to which is added what rounds half up, less
// 256 parts. Ends before the first weights that have a step that does not fit; returns how many times are left.
#define TFLM_TRAIN_ADD_TO_MASTERS(LOAD, FOURS)                                                                          \
  uint32_t h, l, p, q, t, u;                                                                                            \
  __asm volatile(                                                                                                     \
      "vmov s16, %[factor]\n"                                                                                         \
      "vmov s17, %[half]\n"                                                                                           \
      "lsr %[t], %[unit], #8\n"                                                                                       \
      "usub8 %[t], %[unit], %[t]\n"                                                                                   \
      "1:\n" LOAD FOURS(TFLM_TRAIN_STEP)                                                                              \
      "vmsr fpscr, %[down]\n" FOURS(TFLM_TRAIN_ADD_HALF) FOURS(TFLM_TRAIN_FLOOR)                                      \
      "vmrs %[p], fpscr\n"                                                                                            \
      "vmsr fpscr, %[nearest]\n"                                                                                      \
      "lsls %[p], %[p], #31\n"                                                                                        \
      "bne 2f\n" FOURS(TFLM_TRAIN_ADD_TO_FOUR)                                                                        \
      "subs %[times], #1\n"                                                                                           \
      "bne 1b\n"                                                                                                      \
      "2:\n"                                                                                                          \
      : [g] "+r"(m.gradient), [w] "+r"(m.values), [r] "+r"(m.remainders), [times] "+r"(times), [h] "=&r"(h),          \
        [l] "=&r"(l), [p] "=&r"(p), [q] "=&r"(q), [t] "=&r"(t), [u] "=&r"(u)                                          \
      : [factor] "t"(factor), [half] "t"(half), [down] "r"(nearest | kRoundDown), [nearest] "r"(nearest),             \
        [unit] "r"(0x01000100)                                                                                        \
      : "cc", "memory", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13",       \
        "s14", "s15", "s16", "s17"); \
  return times

constexpr float kBelow = 65536.0f, kHalfLessUnit = 0.5f * kBelow - 256.0f * kBelow;

TFLM_TRAIN_ALWAYS_INLINE inline uint32_t AddToSixteens(float factor, uint32_t nearest, uint32_t times, Masters& m) {
  const float half = kHalfLessUnit;
  TFLM_TRAIN_ADD_TO_MASTERS("vldmia %[g]!, {s0-s15}\n", TFLM_TRAIN_FOUR_TIMES_FOUR);
}

TFLM_TRAIN_ALWAYS_INLINE inline uint32_t AddToFours(float factor, uint32_t nearest, uint32_t times, Masters& m) {
  const float half = kHalfLessUnit;
  TFLM_TRAIN_ADD_TO_MASTERS("vldmia %[g]!, {s0-s3}\n", TFLM_TRAIN_ONE_FOUR);
}

/// Far steps, one by one, behind what was loaded already.
void AddFarSteps(float factor, uint32_t count, Masters& m) {
  portable::AddToMasters(factor, m.gradient - count, count, m.values, m.remainders);
  m.values += count;
  m.remainders += count;
}

}  // namespace

void AddToMasters(float factor, const float* gradient, uint32_t n, int8_t* values, int8_t* remainders) {
  const uint32_t nearest = FloatStatus() & ~(kRoundingMode | kInvalid);
  const float below = factor * kBelow;
  Masters m = {gradient, values, remainders};
  for (uint32_t left = n / 16; left > 0;) {
    left = AddToSixteens(below, nearest, left, m);
    if (left == 0) break;
    AddFarSteps(factor, 16, m);
    --left;
  }
  for (uint32_t left = n % 16 / 4; left > 0;) {
    left = AddToFours(below, nearest, left, m);
    if (left == 0) break;
    AddFarSteps(factor, 4, m);
    --left;
  }
  portable::AddToMasters(factor, m.gradient, n % 4, m.values, m.remainders);
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP && TFLM_TRAIN_HAS_CORTEX_M_FPU
