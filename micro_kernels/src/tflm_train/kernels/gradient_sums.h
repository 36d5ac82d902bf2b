// Where rows of a weight gradient are summed before the weights change.
#ifndef TFLM_TRAIN_KERNELS_GRADIENT_SUMS_H_
#define TFLM_TRAIN_KERNELS_GRADIENT_SUMS_H_

#include <cstdint>

namespace tflm_train {

/// Room for at least one row: the gradient of one output channel's weights.
template <class T>
struct GradientSums {
  T* values;
  uint32_t elements;

  /// How many of `left` rows fit at a time.
  uint32_t Rows(uint32_t row_elements, uint32_t left) const {
    const uint32_t rows = elements / row_elements;
    return rows < left ? rows : left;
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_GRADIENT_SUMS_H_
