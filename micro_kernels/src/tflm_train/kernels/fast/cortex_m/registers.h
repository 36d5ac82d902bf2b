// Registers: blocks live in s8-s31 (or all 32), scalars and running sums are the compiler's choice among the others.
// Every loop keeps at least two sums in flight, as a multiply-add that waits for the one before it stalls.
#ifndef TFLM_TRAIN_KERNELS_FAST_CORTEX_M_REGISTERS_H_
#define TFLM_TRAIN_KERNELS_FAST_CORTEX_M_REGISTERS_H_

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/base/float_bits.h"

#define TFLM_TRAIN_S8_TO_S31                                                                                          \
  "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", \
      "s25", "s26", "s27", "s28", "s29", "s30", "s31"
#define TFLM_TRAIN_S0_TO_S7 "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"

#endif  // TFLM_TRAIN_KERNELS_FAST_CORTEX_M_REGISTERS_H_
