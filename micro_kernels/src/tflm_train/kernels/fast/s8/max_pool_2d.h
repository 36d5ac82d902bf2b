// Fast MAX_POOL_2D in int8, the same bits as MaxPool2dForward.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_MAX_POOL_2D_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_MAX_POOL_2D_H_

#include "tflm_train/kernels/s8/requantize.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// `argmax` may be null.
void MaxPool2dForward(const PoolShape& shape, const int8_t* x, const Int8Range& range, int8_t* y, uint8_t* argmax);

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_MAX_POOL_2D_H_
