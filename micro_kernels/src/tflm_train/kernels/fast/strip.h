// Strips: some rows of an image with zeros around it, in a buffer of fixed size. On a strip no tap needs a test of
// bounds.
#ifndef TFLM_TRAIN_KERNELS_FAST_STRIP_H_
#define TFLM_TRAIN_KERNELS_FAST_STRIP_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {
namespace fast {

/// The strip [height, width, depth] lies over the image [in_h, in_w, channels] with its first element at (row, column);
/// both may be negative. `depth` is `channels`, or less: then `image` points to the first of the channels in question.
struct StripShape {
  int32_t in_h, in_w, channels;
  int32_t height, width, depth;

  int32_t elements() const { return height * width * depth; }
};

/// strip = the image under it, zero outside.
TFLM_TRAIN_COLD void CopyToStrip(const StripShape& shape, const float* image, int32_t row, int32_t column,
                                 float* strip);

/// The same where the columns outside the image are zero already, as CopyToStrip left them at another row.
void RefillStrip(const StripShape& shape, const float* image, int32_t row, int32_t column, float* strip);

/// The image under the strip += strip, all channels (depth = channels).
TFLM_TRAIN_COLD void AddStrip(const StripShape& shape, float* strip, int32_t row, int32_t column, float* image);

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_STRIP_H_
