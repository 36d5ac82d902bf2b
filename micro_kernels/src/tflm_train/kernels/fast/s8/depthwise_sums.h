// Sums of a depthwise convolution's backward pass, some channels that lie together.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_SUMS_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_SUMS_H_

#include <cstdint>

namespace tflm_train {
namespace fast {
namespace s8 {

/// A tap that reads a pixel: where its error and its weight of channel 0 lie, in bytes.
struct ReadingTap {
  int32_t error, weight;
};

/// All positions whose tap lies inside the image: the error and the input of the first, and their steps.
struct TapPositions {
  const int16_t* errors;
  const int8_t* x;
  int32_t rows, columns;
  int32_t error_row, error_column, x_row, x_column;
  int32_t zero;  // of the input
};

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_DEPTHWISE_SUMS_H_
