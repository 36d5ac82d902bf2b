// Visiting the selected rows of a matrix.
#ifndef TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_
#define TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_

#include <cstring>

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// Zero, either sign. On bits: cheaper than a comparison of floats on a Cortex-M.
inline bool IsZero(const float* x) {
  uint32_t bits;
  std::memcpy(&bits, x, sizeof bits);
  return (bits << 1) == 0;
}

/// Calls visit(dy[r], row r) for the selected r < `count`, ascending; rows of `matrix` have n elements.
template <class Visit>
TFLM_TRAIN_ALWAYS_INLINE inline void ForEachSelectedRow(const Selection& selection, const float* dy, uint32_t count,
                                                        float* matrix, int32_t n, Visit&& visit) {
  if (selection.mode == Selection::Mode::kList) {
    const uint32_t selected = selection.count;
    for (uint32_t i = 0; i < selected; ++i) {
      const uint32_t row = selection[i];
      visit(dy[row], matrix + row * static_cast<uint32_t>(n));
    }
    return;
  }
  const bool zeros_too = selection.mode == Selection::Mode::kAll;
  for (const float* end = dy + count; dy != end; ++dy, matrix += n) {
    if (zeros_too || !IsZero(dy)) visit(*dy, matrix);
  }
}

/// A row to work on: its error, and the error times the gradient's scale.
struct SelectedRow {
  float error, factor;
  float* row;
};

/// Rows that are worked on together.
inline constexpr int32_t kRowGroup = 4;

/// Collects the selected rows in groups: group(rows) for each complete one, single(row) for each of the rest.
template <class Group, class Single>
TFLM_TRAIN_ALWAYS_INLINE inline void ForEachRowGroup(const Selection& selection, const float* dy, uint32_t count, float scale,
                                                     float* matrix, int32_t n, Group&& group, Single&& single) {
  SelectedRow rows[kRowGroup];
  SelectedRow* next = rows;
  ForEachSelectedRow(selection, dy, count, matrix, n, [&](float error, float* row) TFLM_TRAIN_ALWAYS_INLINE {
    *next++ = {error, scale * error, row};
    if (next == rows + kRowGroup) {
      group(rows);
      next = rows;
    }
  });
  for (const SelectedRow* rest = rows; rest != next; ++rest) single(*rest);
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_
