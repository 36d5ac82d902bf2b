// What the library needs of its compiler and target, said in a sentence before anything else fails to compile.
#ifndef TFLM_TRAIN_REQUIREMENTS_H_
#define TFLM_TRAIN_REQUIREMENTS_H_

#if defined(__cplusplus) && __cplusplus < 201703L && !defined(_MSC_VER)
#error "tflm-train needs C++17: compile with -std=gnu++17 (PlatformIO: with build_unflags = -std=gnu++11)"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tflm-train runs on little-endian targets only: models and plans are read in place"
#endif

#endif  // TFLM_TRAIN_REQUIREMENTS_H_
