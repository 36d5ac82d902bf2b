// A pooling window, and the pixels of an int8 image under it.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_POOL_WINDOW_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_POOL_WINDOW_H_

#include <cstdint>

namespace tflm_train {
namespace fast {
namespace s8 {

/// What of a window lies inside the image: at least one pixel.
struct PoolWindow {
  const int8_t* pixels;  // [rows, columns, channels], rows `stride` bytes apart
  int32_t stride;
  int32_t rows, columns, channels;
  int32_t first, width;  // number of the first tap; taps of a row of the whole window
};

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_POOL_WINDOW_H_
