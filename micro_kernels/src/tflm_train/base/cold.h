// Where small code comes before fast code.
#ifndef TFLM_TRAIN_BASE_COLD_H_
#define TFLM_TRAIN_BASE_COLD_H_

// TFLM_TRAIN_COLD: runs once, at Init, or takes little of a step. TFLM_TRAIN_HOT: takes much of a step, though all its
// callers are cold. TFLM_TRAIN_NOINLINE: one copy for all its callers, or registers of its own.
#if defined(__GNUC__)
#define TFLM_TRAIN_COLD __attribute__((cold))
#define TFLM_TRAIN_HOT __attribute__((hot))
#define TFLM_TRAIN_NOINLINE __attribute__((noinline))
#else
#define TFLM_TRAIN_COLD
#define TFLM_TRAIN_HOT
#define TFLM_TRAIN_NOINLINE
#endif

#endif  // TFLM_TRAIN_BASE_COLD_H_
