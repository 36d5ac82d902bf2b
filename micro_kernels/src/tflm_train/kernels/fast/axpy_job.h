// The unit of work of a backward pass: add a scaled patch of one array to a patch of another.
#ifndef TFLM_TRAIN_KERNELS_FAST_AXPY_JOB_H_
#define TFLM_TRAIN_KERNELS_FAST_AXPY_JOB_H_

#include <cstdint>

namespace tflm_train {

/// patch[1] += a * patch[0]. An array, so that a loop that fills jobs for either direction needs no branch.
struct AxpyJob {
  float a;
  float* patch[2];
};

/// Patches of `rows` rows of n elements; rows lie stride[0] or stride[1] elements apart.
struct AxpyShape {
  int32_t stride[2];
  int32_t n, rows;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_AXPY_JOB_H_
