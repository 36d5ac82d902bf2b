// The inner loops that the fast int8 kernels of this build use.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_INNER_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_INNER_H_

#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"
#include "tflm_train/kernels/fast/s8/inner_portable.h"

namespace tflm_train {
namespace fast {
namespace s8 {

#if TFLM_TRAIN_TUNED_S8
namespace inner = cortex_m;
#else
namespace inner = portable;
#endif

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_INNER_H_
