// The inner loops that the fast kernels of this build use.
#ifndef TFLM_TRAIN_KERNELS_FAST_INNER_H_
#define TFLM_TRAIN_KERNELS_FAST_INNER_H_

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/inner_cortex_m.h"
#include "tflm_train/kernels/fast/inner_portable.h"

namespace tflm_train {

#if TFLM_TRAIN_TUNED
namespace inner = cortex_m;
#else
namespace inner = portable;
#endif

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_INNER_H_
