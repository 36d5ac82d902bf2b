#include "tflm_train/train/operator_set.h"

namespace tflm_train {

const Operator* OperatorSet::Find(KernelId kernel) const {
  const uint32_t number = static_cast<uint32_t>(kernel);
  if (number >= kKernelCount || position_[number] == 0) return nullptr;
  return entries_[position_[number] - 1];
}

const Policy* OperatorSet::FindPolicy(uint32_t key) const {
  for (uint32_t i = 0; i < policy_count_; ++i) {
    if (policies_[i]->key == key) return policies_[i];
  }
  return nullptr;
}

}  // namespace tflm_train
