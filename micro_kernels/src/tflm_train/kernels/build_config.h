// Which arithmetic this build uses: decided here and nowhere else.
//
//   TFLM_TRAIN_PARITY    plain loops, one order of additions, no fused multiply-add (compile with -ffp-contract=off):
//                        equal bits on every target
//   TFLM_TRAIN_PORTABLE  blocked and fused C++ for any target
//   otherwise            the same, with inner loops written for the target where there are any (Cortex-M with FPv4 or
//   FPv5; for int8 Cortex-M with the DSP extension)
#ifndef TFLM_TRAIN_KERNELS_BUILD_CONFIG_H_
#define TFLM_TRAIN_KERNELS_BUILD_CONFIG_H_

#if defined(TFLM_TRAIN_PARITY)
#define TFLM_TRAIN_FAST 0
#else
#define TFLM_TRAIN_FAST 1
#endif

// Thumb-2 with single precision registers and fused multiply-add: Cortex-M4F, M7, M33, M55. Compilers that do not
// optimise have no registers left for the assembly: there the portable loops serve.
#if defined(__GNUC__) && defined(__thumb2__) && defined(__ARM_FP) && defined(__ARM_FEATURE_FMA) && defined(__OPTIMIZE__)
#define TFLM_TRAIN_HAS_CORTEX_M_FPU 1
#else
#define TFLM_TRAIN_HAS_CORTEX_M_FPU 0
#endif

#if TFLM_TRAIN_FAST && TFLM_TRAIN_HAS_CORTEX_M_FPU && !defined(TFLM_TRAIN_PORTABLE)
#define TFLM_TRAIN_TUNED 1
#else
#define TFLM_TRAIN_TUNED 0
#endif

// Thumb-2 with the instructions on two 16-bit numbers: Cortex-M4, M7, M33, M55.
#if defined(__GNUC__) && defined(__thumb2__) && defined(__ARM_FEATURE_DSP) && defined(__OPTIMIZE__)
#define TFLM_TRAIN_HAS_CORTEX_M_DSP 1
#else
#define TFLM_TRAIN_HAS_CORTEX_M_DSP 0
#endif

#if TFLM_TRAIN_FAST && TFLM_TRAIN_HAS_CORTEX_M_DSP && !defined(TFLM_TRAIN_PORTABLE)
#define TFLM_TRAIN_TUNED_S8 1
#else
#define TFLM_TRAIN_TUNED_S8 0
#endif

// For inner loops whose variables must stay in registers.
#if defined(__GNUC__)
#define TFLM_TRAIN_ALWAYS_INLINE __attribute__((always_inline))
#else
#define TFLM_TRAIN_ALWAYS_INLINE
#endif

namespace tflm_train {

inline constexpr bool kFastKernels = TFLM_TRAIN_FAST != 0;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_BUILD_CONFIG_H_
