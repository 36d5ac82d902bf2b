// Visiting the selected rows of a matrix.
#ifndef TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_
#define TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_

#include <cstring>

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// The bits of a float without its sign: zero for both zeros.
inline uint32_t DoubledBits(const float* x) {
  uint32_t bits;
  std::memcpy(&bits, x, sizeof bits);
  return bits << 1;
}

/// Zero, either sign. On bits: cheaper than a comparison of floats on a Cortex-M.
inline bool IsZero(const float* x) { return DoubledBits(x) == 0; }

/// A row to work on, and its error.
struct SelectedRow {
  float error;
  float* row;
};

/// Rows that are worked on together.
inline constexpr uint32_t kRowGroup = 4;

/// A group of consecutive rows with n elements; moves on to the next.
TFLM_TRAIN_ALWAYS_INLINE inline void TakeRows(const float*& dy, float*& row, int32_t n, SelectedRow* rows) {
  static_assert(kRowGroup == 4);
  float* const second = row + n;
  float* const third = second + n;
  float* const fourth = third + n;
  rows[0] = {dy[0], row};
  rows[1] = {dy[1], second};
  rows[2] = {dy[2], third};
  rows[3] = {dy[3], fourth};
  dy += kRowGroup;
  row = fourth + n;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_
