// The units of work of a backward pass: add scaled patches of one array to patches of another.
#ifndef TFLM_TRAIN_KERNELS_FAST_AXPY_JOB_H_
#define TFLM_TRAIN_KERNELS_FAST_AXPY_JOB_H_

#include <cstdint>

namespace tflm_train {

/// Sides of an addition: indices of `patch` and `stride`.
enum Side : uint32_t { kSource, kDestination };

/// patch[kDestination] += a * patch[kSource]. An array, so that a loop that fills jobs for either direction needs no
/// branch.
struct AxpyJob {
  float a;
  float* patch[2];
};

/// Patches of `rows` rows of n elements; rows lie stride[side] elements apart.
struct AxpyShape {
  int32_t stride[2];
  int32_t n, rows;
};

/// A patch, and what it is multiplied with before it is added to a sum of patches.
struct ScaledPatch {
  const float* patch;
  float factor;
};

/// One job for every error of some pixels and channels: between the patch under the error and its channel's
/// filter.
struct PixelScatter {
  /// A pixel has at most this many patches to choose from.
  static constexpr uint32_t kOffsets = 16;

  AxpyShape shape;
  Side image_side;
  float scale;             // of the errors
  bool zeros_too;          // errors that are zero are not skipped
  int32_t channels;        // that are scattered
  int32_t other_channels;  // of a pixel's errors, behind them
  float* filters;          // of the first channel
  int32_t filter;          // elements of one
  const int32_t* offsets;  // on the image, from a pixel's first patch to the one that an error's winner chooses
  int32_t pixel_step;      // on the image, between the first patches of two pixels
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_AXPY_JOB_H_
