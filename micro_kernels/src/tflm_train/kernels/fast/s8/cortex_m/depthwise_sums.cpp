// Four channels at a time: two words of errors, and four bytes as two pairs of 16 bits.
#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

/// A tap of four channels. Loads follow each other.
TFLM_TRAIN_ALWAYS_INLINE inline void AddTap(const int32_t*& tap, const int8_t* e01, const int8_t* e23, const int8_t* w,
                                            int32_t& s0, int32_t& s1, int32_t& s2, int32_t& s3) {
  uint32_t o, p, e, q;
  __asm(
      "ldr %[o], [%[tap]], #4\n"
      "ldr %[p], [%[tap]], #4\n"
      "ldr %[e], [%[e01], %[o]]\n"
      "ldr %[p], [%[w], %[p]]\n"
      "ldr %[o], [%[e23], %[o]]\n"
      "sxtb16 %[q], %[p]\n"
      "sxtb16 %[p], %[p], ror #8\n"
      "smlabb %[s0], %[e], %[q], %[s0]\n"
      "smlatb %[s1], %[e], %[p], %[s1]\n"
      "smlabt %[s2], %[o], %[q], %[s2]\n"
      "smlatt %[s3], %[o], %[p], %[s3]\n"
      : [tap] "+r"(tap), [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [o] "=&r"(o), [p] "=&r"(p),
        [e] "=&r"(e), [q] "=&r"(q)
      : [e01] "r"(e01), [e23] "r"(e23), [w] "r"(w)
      : "memory");
}

}  // namespace

void SumTaps(const ReadingTap* taps, int32_t count, const int16_t* errors, const int8_t* w, int32_t channels,
             int32_t* sums) {
  const int32_t fours = channels & ~3;
  const auto* const first = reinterpret_cast<const int32_t*>(taps);
  for (int32_t left = fours; left > 0; left -= 4, errors += 4, w += 4, sums += 4) {
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    const auto* const e01 = reinterpret_cast<const int8_t*>(errors);
    const int8_t* const e23 = e01 + 4;
    const int32_t* tap = first;
    if (count % 2 != 0) AddTap(tap, e01, e23, w, s0, s1, s2, s3);
    for (const int32_t* const end = first + 2 * count; tap != end;) {
      AddTap(tap, e01, e23, w, s0, s1, s2, s3);
      AddTap(tap, e01, e23, w, s0, s1, s2, s3);
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
  }
  if (fours != channels) portable::SumTaps(taps, count, errors, w, channels - fours, sums);
}

void SumPositions(const TapPositions& p, int32_t channels, int32_t* sums, int32_t step) {
  if (channels < 4) return portable::SumPositions(p, channels, sums, step);
  const uint32_t zeros = Twice(p.zero);
  const int32_t error_step = p.error_column, x_step = p.x_column;
  const int16_t* row_errors = p.errors;
  const int8_t* row_x = p.x;
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (int32_t rows = p.rows; rows > 0; --rows, row_errors += p.error_row, row_x += p.x_row) {
    const int16_t* e = row_errors;
    const int8_t* x = row_x;
    for (int32_t left = p.columns; left > 0; --left, e += error_step, x += x_step) {
      uint32_t e01, e23, even, odd;
      __asm(
          "ldr %[odd], [%[x]]\n"
          "ldr %[e01], [%[e]]\n"
          "ldr %[e23], [%[e], #4]\n"
          "sxtb16 %[even], %[odd]\n"
          "sxtb16 %[odd], %[odd], ror #8\n"
          "ssub16 %[even], %[even], %[zeros]\n"
          "ssub16 %[odd], %[odd], %[zeros]\n"
          "smlabb %[s0], %[e01], %[even], %[s0]\n"
          "smlatb %[s1], %[e01], %[odd], %[s1]\n"
          "smlabt %[s2], %[e23], %[even], %[s2]\n"
          "smlatt %[s3], %[e23], %[odd], %[s3]\n"
          : [s0] "+r"(s0), [s1] "+r"(s1), [s2] "+r"(s2), [s3] "+r"(s3), [e01] "=&r"(e01), [e23] "=&r"(e23),
            [even] "=&r"(even), [odd] "=&r"(odd)
          : [x] "r"(x), [e] "r"(e), [zeros] "r"(zeros)
          : "memory");
    }
  }
  sums[0] = s0;
  sums[step] = s1;
  sums[2 * step] = s2;
  sums[3 * step] = s3;
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP
