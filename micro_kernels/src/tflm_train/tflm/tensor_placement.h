// Where a plan's `tflm` program wants each tensor.
#ifndef TFLM_TRAIN_TFLM_TENSOR_PLACEMENT_H_
#define TFLM_TRAIN_TFLM_TENSOR_PLACEMENT_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"

namespace tflm_train {

/// View of the values of a verified program.
class TensorPlacement {
 public:
  TensorPlacement() = default;
  TensorPlacement(const ValueRecord* values, uint32_t count, uint32_t program_bytes)
      : values_(values), count_(count), program_bytes_(program_bytes) {}

  /// The tensor's value, null if the program does not keep it in the arena.
  const ValueRecord* Find(int32_t tensor) const {
    if (tensor < 0) return nullptr;  // errors and scratch have no tensor
    for (uint32_t i = 0; i < count_; ++i) {
      if (values_[i].tensor == tensor && static_cast<Place>(values_[i].place) == Place::kArena) return &values_[i];
    }
    return nullptr;
  }
  /// Memory of all values, errors and scratch of the backward pass included.
  uint32_t program_bytes() const { return program_bytes_; }

 private:
  const ValueRecord* values_ = nullptr;
  uint32_t count_ = 0;
  uint32_t program_bytes_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TFLM_TENSOR_PLACEMENT_H_
