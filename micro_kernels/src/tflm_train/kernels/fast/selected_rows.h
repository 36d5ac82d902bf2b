// Rows of a matrix that are selected.
#ifndef TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_
#define TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_

#include <cstdint>

namespace tflm_train {

/// A row to work on, and its error.
struct SelectedRow {
  float error;
  float* row;
};

/// Rows that are worked on together.
inline constexpr uint32_t kRowGroup = 4;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_
