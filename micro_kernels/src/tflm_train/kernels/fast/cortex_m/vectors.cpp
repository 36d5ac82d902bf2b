// Element by element.
#include "tflm_train/kernels/fast/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_FPU

#include "tflm_train/kernels/fast/cortex_m/registers.h"

namespace tflm_train {
namespace cortex_m {

void MultiplyAdd(const float* a, const float* b, float* y, int32_t n) {
  int32_t left = n - 8;
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "vldmia %[a]!, {s8-s15}\n"
        "vldmia %[b]!, {s16-s23}\n"
        "vldmia %[y], {s24-s31}\n"
        "subs %[left], #8\n"
        "vfma.f32 s24, s8, s16\n"
        "vfma.f32 s25, s9, s17\n"
        "vfma.f32 s26, s10, s18\n"
        "vfma.f32 s27, s11, s19\n"
        "vfma.f32 s28, s12, s20\n"
        "vfma.f32 s29, s13, s21\n"
        "vfma.f32 s30, s14, s22\n"
        "vfma.f32 s31, s15, s23\n"
        "vstmia %[y]!, {s24-s31}\n"
        "bge 1b\n"
        : [a] "+r"(a), [b] "+r"(b), [y] "+r"(y), [left] "+r"(left)
        :
        : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
  }
  for (left += 8; left > 0; --left) *y++ += *a++ * *b++;
}

void Clear(float* x, uint32_t n) {
  int32_t left = static_cast<int32_t>(n) - 16;
  if (left >= 0) {
    __asm volatile(
        "vmov s16, %[zero]\n"
        "vmov.f32 s17, s16\n"
        "vmov d9, %[zero], %[zero]\n"
        "vmov d10, %[zero], %[zero]\n"
        "vmov d11, %[zero], %[zero]\n"
        "vmov d12, %[zero], %[zero]\n"
        "vmov d13, %[zero], %[zero]\n"
        "vmov d14, %[zero], %[zero]\n"
        "vmov d15, %[zero], %[zero]\n"
        "1:\n"
        "subs %[left], #16\n"
        "vstmia %[x]!, {s16-s31}\n"
        "bge 1b\n"
        : [x] "+r"(x), [left] "+r"(left)
        : [zero] "r"(0)
        : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
  }
  for (left += 16; left > 0; --left) *x++ = 0.0f;
}

void CopyRows(const float* from, int32_t x_stride, float* to, int32_t y_stride, int32_t n, int32_t rows) {
  for (; rows > 0; --rows, from += x_stride, to += y_stride) {
    const float* x = from;
    float* y = to;
    int32_t left = n - 16;
    if (left >= 0) {
      __asm volatile(
          "1:\n"
          "vldmia %[x]!, {s16-s31}\n"
          "subs %[left], #16\n"
          "vstmia %[y]!, {s16-s31}\n"
          "bge 1b\n"
          : [x] "+r"(x), [y] "+r"(y), [left] "+r"(left)
          :
          : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
    }
    left += 12;
    if (left >= 0) {
      __asm volatile(
          "1:\n"
          "vldmia %[x]!, {s8-s11}\n"
          "subs %[left], #4\n"
          "vstmia %[y]!, {s8-s11}\n"
          "bge 1b\n"
          : [x] "+r"(x), [y] "+r"(y), [left] "+r"(left)
          :
          : "cc", "memory", "s8", "s9", "s10", "s11");
    }
    for (left += 4; left > 0; --left) *y++ = *x++;
  }
}

bool AllFinite(const float* x, uint32_t n) {
  // 0 * x is NaN for NaN and infinity, and a sum with NaN is NaN.
  float sum = 0.0f;
  int32_t left = static_cast<int32_t>(n) - 8;
  if (left >= 0) {
    float odd = 0.0f;
    __asm volatile(
        "vmov s16, %[zero]\n"
        "1:\n"
        "vldmia %[x]!, {s8-s15}\n"
        "subs %[left], #8\n"
        "vfma.f32 %[even], s8, s16\n"
        "vfma.f32 %[odd], s9, s16\n"
        "vfma.f32 %[even], s10, s16\n"
        "vfma.f32 %[odd], s11, s16\n"
        "vfma.f32 %[even], s12, s16\n"
        "vfma.f32 %[odd], s13, s16\n"
        "vfma.f32 %[even], s14, s16\n"
        "vfma.f32 %[odd], s15, s16\n"
        "bge 1b\n"
        : [x] "+r"(x), [left] "+r"(left), [even] "+t"(sum), [odd] "+t"(odd)
        : [zero] "r"(0)
        : "cc", "memory", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16");
    sum += odd;
  }
  for (left += 8; left > 0; --left) {
    const float value = *x++;
    __asm volatile("vsub.f32 %[value], %[value], %[value]\n"
                   "vadd.f32 %[sum], %[sum], %[value]\n"
                   : [sum] "+t"(sum)
                   : [value] "t"(value));
  }
  return BitsOf(sum) << 1 == 0;
}

void MaskRectified(const float* y, float* dy, uint32_t n) {
  // Not positive: zero, or the sign bit set. Not r7, which may be the frame pointer.
  int32_t left = static_cast<int32_t>(n) - 4;
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "ldmia %[y]!, {r4, r5, r6, r8}\n"
        "cmp r4, #0\n"
        "it le\n"
        "strle %[zero], [%[dy]]\n"
        "cmp r5, #0\n"
        "it le\n"
        "strle %[zero], [%[dy], #4]\n"
        "cmp r6, #0\n"
        "it le\n"
        "strle %[zero], [%[dy], #8]\n"
        "cmp r8, #0\n"
        "it le\n"
        "strle %[zero], [%[dy], #12]\n"
        "add %[dy], #16\n"
        "subs %[left], #4\n"
        "bge 1b\n"
        : [y] "+r"(y), [dy] "+r"(dy), [left] "+r"(left)
        : [zero] "r"(0)
        : "cc", "memory", "r4", "r5", "r6", "r8");
  }
  for (left += 4; left > 0; --left, ++dy) {
    if (static_cast<int32_t>(BitsOf(*y++)) <= 0) *dy = 0.0f;
  }
}

}  // namespace cortex_m
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_FPU
