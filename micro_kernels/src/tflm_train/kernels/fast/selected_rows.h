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

/// Visits the rows of a list, ascending.
class SelectedRows {
 public:
  /// Rows of `matrix` have n elements.
  SelectedRows(const Selection& selection, const float* dy, float* matrix, int32_t n)
      : selection_(selection), dy_(dy), matrix_(matrix), n_(static_cast<uint32_t>(n)) {}

  /// Adds rows from `next` on until `end` or the last row; returns the end of those added.
  SelectedRow* Collect(SelectedRow* next, const SelectedRow* end) {
    return selection_.wide ? CollectFrom(static_cast<const uint32_t*>(selection_.indices), next, end)
                           : CollectFrom(static_cast<const uint16_t*>(selection_.indices), next, end);
  }

 private:
  template <class Index>
  SelectedRow* CollectFrom(const Index* list, SelectedRow* next, const SelectedRow* end) {
    const uint32_t count = selection_.count;
    uint32_t i = position_;
    for (; next != end && i != count; ++i) {
      const uint32_t row = list[i];
      *next++ = {dy_[row], matrix_ + row * n_};
    }
    position_ = i;
    return next;
  }

  const Selection& selection_;
  const float* dy_;
  float* matrix_;
  uint32_t n_;
  uint32_t position_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_SELECTED_ROWS_H_
