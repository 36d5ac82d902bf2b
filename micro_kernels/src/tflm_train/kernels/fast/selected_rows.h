// Rows of a matrix that are selected.
#ifndef TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_
#define TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_

#include <cstdint>
#include <cstring>

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

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_
