// What all kernels share: shapes, selections and work counters.
#ifndef TFLM_TRAIN_KERNELS_TYPES_H_
#define TFLM_TRAIN_KERNELS_TYPES_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/base/format.h"

#ifndef TFLM_TRAIN_COUNTERS
#define TFLM_TRAIN_COUNTERS 0
#endif

namespace tflm_train {

inline constexpr bool kCountWork = TFLM_TRAIN_COUNTERS != 0;

/// Geometry of a convolution, batch 1. Input [in_h, in_w, in_c], output [out_h, out_w, out_c]; the filter is
/// [out_c, filter_h, filter_w, in_c] (OHWI), for a depthwise convolution [filter_h, filter_w, out_c] with
/// out_c = in_c * depth_multiplier. Tap (u, v) of output (i, j) reads the input at
/// (i * stride_h - pad_top + u * dilation_h, j * stride_w - pad_left + v * dilation_w); taps outside the image count as
/// zero.
struct ConvShape {
  int32_t in_h, in_w, in_c;
  int32_t out_h, out_w, out_c;
  int32_t filter_h, filter_w;
  int32_t stride_h, stride_w;
  int32_t dilation_h, dilation_w;
  int32_t pad_top, pad_left;
  int32_t depth_multiplier;
  int32_t filter_c;  // of a grouped convolution: [out_c, filter_h, filter_w, filter_c], in_c / filter_c groups
};

/// Geometry of a pooling window over [in_h, in_w, channels].
struct PoolShape {
  int32_t in_h, in_w, channels;
  int32_t out_h, out_w;
  int32_t filter_h, filter_w;
  int32_t stride_h, stride_w;
  int32_t pad_top, pad_left;
};

/// The pool that changes nothing: every window is one output of the convolution.
inline PoolShape PoolOfOne(const ConvShape& s) {
  return {s.out_h, s.out_w, s.out_c, s.out_h, s.out_w, 1, 1, 1, 1, 0, 0};
}

/// The elements of an error map that go on: what every backward kernel of a layer iterates over, ascending (row-major).
/// A selector clears those that it leaves out.
struct Selection {
  enum class Mode : uint32_t {
    kAll,       // every element, zeros too
    kNonZero,   // every element that is not zero
    kNone,      // the layer's step ends here: no kernel sees it
    kEveryRow,  // every element that is not zero, but rows of the weight gradient without one have an end too
  };
  Mode mode = Mode::kAll;

  /// Where no selector chooses: zeros cost nothing with zero-skip, but a rule wants every row.
  static constexpr Selection Dense(bool zero_skip, bool every_row = false) {
    return {!zero_skip ? Mode::kAll : every_row ? Mode::kEveryRow : Mode::kNonZero};
  }
  bool every_row() const { return mode != Mode::kNonZero; }
  bool empty() const { return mode == Mode::kNone; }
};

/// Work of one or many steps, phase by phase. Multiplications count when their tap lies inside the image.
struct WorkCounters {
  uint64_t forward = 0;          // multiplications
  uint64_t input_error = 0;      // multiplications
  uint64_t weight_gradient = 0;  // multiplications
  uint64_t update = 0;           // parameters changed
  uint64_t selection = 0;        // elements examined
};

/// Adds to a counter, or compiles to nothing without TFLM_TRAIN_COUNTERS.
inline void Count(uint64_t& counter, uint64_t amount) {
  if constexpr (kCountWork) counter += amount;
  (void)counter;
  (void)amount;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_TYPES_H_
