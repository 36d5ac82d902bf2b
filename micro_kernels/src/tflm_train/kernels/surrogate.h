// Backward pass of a convolution whose gradient is that of a 1x1 convolution between patches, which costs
// 1 / (taps * pixels of a patch):
//
//   gradient filtering (Yang, Li, Marculescu: Efficient On-device Training via Gradient Filtering, CVPR 2023): sums of
//   the input's patches, means of the error's, and all taps of a filter in place of each of them;
//   centre tap (Zhang et al.: Center-Sensitive Kernel Optimization, 2024): patches of one pixel, the centre tap alone.
//
//   dw[o, t, c] = sum_p means[p, o] * x[p, c] for each tap t; dx[pixel of patch p, c] += sum_o means[p, o] * sum_t
//   w[o, t, c]; the biases' gradient is exact.
#ifndef TFLM_TRAIN_KERNELS_SURROGATE_H_
#define TFLM_TRAIN_KERNELS_SURROGATE_H_

#include "tflm_train/kernels/patches.h"
#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// Geometry of such a step. Filters: [out_c, all_taps, in_c], of a depthwise convolution [all_taps, out_c].
struct SurrogateShape {
  PatchGrid input;  // patches of the input's error
  PatchGrid error;  // patches of the output's error, as many
  int32_t first_tap, taps, all_taps;
  float scale;  // of means: 1 / (stride_h * stride_w), or 1

  int32_t in_c() const { return input.channels; }
  int32_t out_c() const { return error.channels; }
  int32_t patches() const { return error.rows * error.columns; }
  bool patches_are_pixels() const { return input.window_h == 1 && input.window_w == 1; }
};

/// What a step works on. means [patches, out_c]; x [patches, in_c]: sums of the input's patches.
struct SurrogateErrors {
  const SurrogateShape& shape;
  const Selection& selection;
  const float* means;

  bool zeros_too() const { return selection.mode == Selection::Mode::kAll; }
  uint32_t elements() const { return static_cast<uint32_t>(shape.patches() * shape.out_c()); }
};

struct ConvSurrogate {
  static constexpr bool kDepthwise = false;
  /// Floats of the workspace of a step that passes an error on, and of one that trains.
  static uint64_t InputErrorElements(const SurrogateShape& shape);
  static uint64_t WeightGradientElements(const SurrogateShape& shape);
  static uint32_t WeightsPerChannel(const SurrogateShape& s) { return static_cast<uint32_t>(s.taps * s.in_c()); }
  /// dx += .
  static void InputError(const SurrogateErrors& errors, const float* w, float* workspace, float* dx, uint64_t& macs);
  /// Rows of dw for `sink` to finish, a tap at a time.
  static void WeightGradient(const SurrogateErrors& errors, const float* x, const RowSink<float>& sink,
                             float* workspace, float* dw, uint64_t& macs);
};

struct DepthwiseSurrogate {
  static constexpr bool kDepthwise = true;
  static uint64_t InputErrorElements(const SurrogateShape& shape);
  static uint64_t WeightGradientElements(const SurrogateShape& shape);
  static uint32_t WeightsPerChannel(const SurrogateShape& s) { return static_cast<uint32_t>(s.taps); }
  static void InputError(const SurrogateErrors& errors, const float* w, float* workspace, float* dx, uint64_t& macs);
  static void WeightGradient(const SurrogateErrors& errors, const float* x, const RowSink<float>& sink,
                             float* workspace, float* dw, uint64_t& macs);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_SURROGATE_H_
