// Dense layers forward: dot products of rows.
#include "tflm_train/kernels/fast/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_FPU

#include "tflm_train/kernels/fast/cortex_m/registers.h"
#include "tflm_train/base/cold.h"

namespace tflm_train {
namespace cortex_m {
namespace {

// A negative number becomes zero, a NaN stays one: as integers, negative NaNs are above minus infinity.
#define TFLM_TRAIN_RECTIFY(value)  \
  "cmn " value ", #0x800000\n"     \
  "it le\n"                        \
  "movle " value ", #0\n"

/// Sums of rows four by four, as long as there are that many. Pointers move on to the rows that are left.
// One assembly for all, as compilers would move the sums between its parts and reload what every group needs.
TFLM_TRAIN_ALWAYS_INLINE inline void DotGroups(const float* x, const float*& w, int32_t stride, int32_t n, int32_t rows,
                                               const float*& start, bool rectify, float*& y) {
  const float *w1, *w2, *w3;
  int32_t left;
  __asm volatile(
      "subs %[rows], #4\n"
      "1:\n"
      "add %[w1], %[w0], %[stride]\n"
      "add %[w2], %[w1], %[stride]\n"
      "add %[w3], %[w2], %[stride]\n"
      "vldmia %[start]!, {s0-s3}\n"
      "subs %[left], %[n], #8\n"
      "blt 3f\n"
      "2:\n"
      "vldmia %[x]!, {s8-s15}\n"
      "vldmia %[w0]!, {s16-s23}\n"
      "vldmia %[w1]!, {s24-s31}\n"
      "subs %[left], #8\n"
      "vfma.f32 s0, s8, s16\n"
      "vfma.f32 s1, s8, s24\n"
      "vfma.f32 s0, s9, s17\n"
      "vfma.f32 s1, s9, s25\n"
      "vfma.f32 s0, s10, s18\n"
      "vfma.f32 s1, s10, s26\n"
      "vfma.f32 s0, s11, s19\n"
      "vfma.f32 s1, s11, s27\n"
      "vfma.f32 s0, s12, s20\n"
      "vfma.f32 s1, s12, s28\n"
      "vfma.f32 s0, s13, s21\n"
      "vfma.f32 s1, s13, s29\n"
      "vfma.f32 s0, s14, s22\n"
      "vfma.f32 s1, s14, s30\n"
      "vfma.f32 s0, s15, s23\n"
      "vfma.f32 s1, s15, s31\n"
      "vldmia %[w2]!, {s16-s23}\n"
      "vldmia %[w3]!, {s24-s31}\n"
      "vfma.f32 s2, s8, s16\n"
      "vfma.f32 s3, s8, s24\n"
      "vfma.f32 s2, s9, s17\n"
      "vfma.f32 s3, s9, s25\n"
      "vfma.f32 s2, s10, s18\n"
      "vfma.f32 s3, s10, s26\n"
      "vfma.f32 s2, s11, s19\n"
      "vfma.f32 s3, s11, s27\n"
      "vfma.f32 s2, s12, s20\n"
      "vfma.f32 s3, s12, s28\n"
      "vfma.f32 s2, s13, s21\n"
      "vfma.f32 s3, s13, s29\n"
      "vfma.f32 s2, s14, s22\n"
      "vfma.f32 s3, s14, s30\n"
      "vfma.f32 s2, s15, s23\n"
      "vfma.f32 s3, s15, s31\n"
      "bge 2b\n"
      "3:\n"
      "adds %[left], #4\n"
      "bmi 4f\n"
      "vldmia %[x]!, {s8-s11}\n"
      "vldmia %[w0]!, {s12-s15}\n"
      "vldmia %[w1]!, {s16-s19}\n"
      "vldmia %[w2]!, {s20-s23}\n"
      "vldmia %[w3]!, {s24-s27}\n"
      "subs %[left], #4\n"
      "vfma.f32 s0, s8, s12\n"
      "vfma.f32 s1, s8, s16\n"
      "vfma.f32 s2, s8, s20\n"
      "vfma.f32 s3, s8, s24\n"
      "vfma.f32 s0, s9, s13\n"
      "vfma.f32 s1, s9, s17\n"
      "vfma.f32 s2, s9, s21\n"
      "vfma.f32 s3, s9, s25\n"
      "vfma.f32 s0, s10, s14\n"
      "vfma.f32 s1, s10, s18\n"
      "vfma.f32 s2, s10, s22\n"
      "vfma.f32 s3, s10, s26\n"
      "vfma.f32 s0, s11, s15\n"
      "vfma.f32 s1, s11, s19\n"
      "vfma.f32 s2, s11, s23\n"
      "vfma.f32 s3, s11, s27\n"
      "4:\n"
      "adds %[left], #4\n"
      "beq 6f\n"
      "5:\n"
      "vldmia %[x]!, {s8}\n"
      "vldmia %[w0]!, {s12}\n"
      "vldmia %[w1]!, {s16}\n"
      "vldmia %[w2]!, {s20}\n"
      "vldmia %[w3]!, {s24}\n"
      "vfma.f32 s0, s8, s12\n"
      "vfma.f32 s1, s8, s16\n"
      "vfma.f32 s2, s8, s20\n"
      "vfma.f32 s3, s8, s24\n"
      "subs %[left], #1\n"
      "bne 5b\n"
      "6:\n"
      "sub %[x], %[x], %[n], lsl #2\n"
      "add %[w0], %[w3], %[gap]\n"
      "cbz %[rectify], 8f\n"
      "vadd.f32 s4, s0, s1\n"
      "vadd.f32 s5, s2, s3\n"
      "vmov %[w1], %[w2], s0, s1\n"
      "vmov %[w3], %[left], s2, s3\n"
      "vcmp.f32 s4, s5\n"
      "vmrs APSR_nzcv, fpscr\n"
      "bvs 9f\n"  // one of them may be a NaN
      "usat %[w1], #31, %[w1]\n"
      "usat %[w2], #31, %[w2]\n"
      "usat %[w3], #31, %[w3]\n"
      "usat %[left], #31, %[left]\n"
      "7:\n"
      "vmov s0, s1, %[w1], %[w2]\n"
      "vmov s2, s3, %[w3], %[left]\n"
      "8:\n"
      "vstmia %[y]!, {s0-s3}\n"
      "subs %[rows], #4\n"
      "bge 1b\n"
      "b 10f\n"
      "9:\n"
      TFLM_TRAIN_RECTIFY("%[w1]")
      TFLM_TRAIN_RECTIFY("%[w2]")
      TFLM_TRAIN_RECTIFY("%[w3]")
      TFLM_TRAIN_RECTIFY("%[left]")
      "b 7b\n"
      "10:\n"
      : [x] "+r"(x), [w0] "+r"(w), [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3), [left] "=&r"(left),
        [start] "+r"(start), [y] "+r"(y), [rows] "+r"(rows)
      : [stride] "r"(stride * sizeof(float)), [n] "r"(n), [gap] "r"((stride - n) * sizeof(float)),
        [rectify] "l"(static_cast<uint32_t>(rectify))
      : "cc", "memory", TFLM_TRAIN_S0_TO_S7, TFLM_TRAIN_S8_TO_S31);
}
#undef TFLM_TRAIN_RECTIFY

TFLM_TRAIN_ALWAYS_INLINE inline float Dot(const float* x, const float* w, int32_t n, float sum) {
  int32_t left = n - 8;
  if (left >= 0) {
    float odd = 0.0f;
    __asm volatile(
        "1:\n"
        "vldmia %[x]!, {s8-s15}\n"
        "vldmia %[w]!, {s16-s23}\n"
        "subs %[left], #8\n"
        "vfma.f32 %[even], s8, s16\n"
        "vfma.f32 %[odd], s9, s17\n"
        "vfma.f32 %[even], s10, s18\n"
        "vfma.f32 %[odd], s11, s19\n"
        "vfma.f32 %[even], s12, s20\n"
        "vfma.f32 %[odd], s13, s21\n"
        "vfma.f32 %[even], s14, s22\n"
        "vfma.f32 %[odd], s15, s23\n"
        "bge 1b\n"
        : [x] "+r"(x), [w] "+r"(w), [left] "+r"(left), [even] "+t"(sum), [odd] "+t"(odd)
        :
        : "cc", "memory", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20",
          "s21", "s22", "s23");
    sum += odd;
  }
  for (left += 8; left > 0; --left) sum += *x++ * *w++;
  return sum;
}

}  // namespace

// Cold: all that takes time is assembly, and what is around it is smaller so.
TFLM_TRAIN_COLD void DotRows(const float* x, const float* w, int32_t stride, int32_t n, int32_t rows,
                             const float* start, bool rectify, float* y) {
  if (rows >= 4) DotGroups(x, w, stride, n, rows, start, rectify, y);
  for (rows &= 3; rows > 0; --rows, w += stride) {
    const float sum = Dot(x, w, n, *start++);
    *y++ = rectify && sum < 0.0f ? 0.0f : sum;
  }
}

}  // namespace cortex_m
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_FPU
