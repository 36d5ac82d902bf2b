// Planned memory of a step.
#ifndef TFLM_TRAIN_KERNELS_WORKSPACE_H_
#define TFLM_TRAIN_KERNELS_WORKSPACE_H_

#include <cstdint>

namespace tflm_train {

/// Room for what lives no longer than a step. Convolutions sum rows of their weight gradient there, a row being the
/// gradient of one output channel's weights, and keep a strip of the image in front of them.
template <class T>
struct Workspace {
  T* values;
  uint32_t elements;

  /// How many of `left` rows fit at a time.
  uint32_t Rows(uint32_t row_elements, uint32_t left) const {
    const uint32_t rows = elements / row_elements;
    return rows < left ? rows : left;
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_WORKSPACE_H_
