#include "tflm_train/runtime/operator_set.h"

namespace tflm_train {

Status OperatorSet::Add(const Operator& added) {
  uint32_t position = size_;
  while (position > 0 && entries_[position - 1]->kernel > added.kernel) --position;
  if (position > 0 && entries_[position - 1]->kernel == added.kernel) {
    entries_[position - 1] = &added;
    return Status::kOk;
  }
  if (size_ == capacity_) return Status::kInvalidArgument;
  for (uint32_t i = size_; i > position; --i) entries_[i] = entries_[i - 1];
  entries_[position] = &added;
  ++size_;
  return Status::kOk;
}

const Operator* OperatorSet::Find(KernelId kernel) const {
  uint32_t begin = 0, end = size_;
  while (begin < end) {
    const uint32_t middle = (begin + end) / 2;
    const KernelId found = entries_[middle]->kernel;
    if (found == kernel) return entries_[middle];
    if (found < kernel) {
      begin = middle + 1;
    } else {
      end = middle;
    }
  }
  return nullptr;
}

}  // namespace tflm_train
