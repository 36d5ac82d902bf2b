// The one inner loop behind input error, weight gradient and scatter.
#ifndef TFLM_TRAIN_KERNELS_FAST_CORTEX_M_ADD_SCALED_H_
#define TFLM_TRAIN_KERNELS_FAST_CORTEX_M_ADD_SCALED_H_

#include "tflm_train/kernels/fast/cortex_m/registers.h"

namespace tflm_train {
namespace cortex_m {

/// One row: y += a * x over n.
TFLM_TRAIN_ALWAYS_INLINE inline void AddScaled(float a, const float* x, float* y, int32_t n) {
  int32_t left = n - 12;  // counted from the last block, so that the loop needs one subtraction only
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "vldmia %[x]!, {s8-s19}\n"
        "vldmia %[y], {s20-s31}\n"
        "subs %[left], #12\n"
        "vfma.f32 s20, s8, %[a]\n"
        "vfma.f32 s21, s9, %[a]\n"
        "vfma.f32 s22, s10, %[a]\n"
        "vfma.f32 s23, s11, %[a]\n"
        "vfma.f32 s24, s12, %[a]\n"
        "vfma.f32 s25, s13, %[a]\n"
        "vfma.f32 s26, s14, %[a]\n"
        "vfma.f32 s27, s15, %[a]\n"
        "vfma.f32 s28, s16, %[a]\n"
        "vfma.f32 s29, s17, %[a]\n"
        "vfma.f32 s30, s18, %[a]\n"
        "vfma.f32 s31, s19, %[a]\n"
        "vstmia %[y]!, {s20-s31}\n"
        "bge 1b\n"
        : [x] "+r"(x), [y] "+r"(y), [left] "+r"(left)
        : [a] "t"(a)
        : "cc", "memory", TFLM_TRAIN_S8_TO_S31);
  }
  left += 8;
  if (left >= 0) {
    __asm volatile(
        "1:\n"
        "vldmia %[x]!, {s8-s11}\n"
        "vldmia %[y], {s20-s23}\n"
        "subs %[left], #4\n"
        "vfma.f32 s20, s8, %[a]\n"
        "vfma.f32 s21, s9, %[a]\n"
        "vfma.f32 s22, s10, %[a]\n"
        "vfma.f32 s23, s11, %[a]\n"
        "vstmia %[y]!, {s20-s23}\n"
        "bge 1b\n"
        : [x] "+r"(x), [y] "+r"(y), [left] "+r"(left)
        : [a] "t"(a)
        : "cc", "memory", "s8", "s9", "s10", "s11", "s20", "s21", "s22", "s23");
  }
  for (left += 4; left > 0; --left) *y++ += a * *x++;
}

}  // namespace cortex_m
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_CORTEX_M_ADD_SCALED_H_
