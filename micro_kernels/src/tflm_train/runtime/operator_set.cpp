#include "tflm_train/runtime/operator_set.h"

namespace tflm_train {

Status OperatorSet::Add(const Operator& added) {
  uint8_t& position = position_[static_cast<uint32_t>(added.kernel)];
  if (position == 0) {
    if (size_ == capacity_) return Status::kInvalidArgument;
    position = static_cast<uint8_t>(++size_);
  }
  entries_[position - 1] = &added;
  return Status::kOk;
}

const Operator* OperatorSet::Find(KernelId kernel) const {
  const uint32_t number = static_cast<uint32_t>(kernel);
  if (number >= kKernelCount || position_[number] == 0) return nullptr;
  return entries_[position_[number] - 1];
}

}  // namespace tflm_train
