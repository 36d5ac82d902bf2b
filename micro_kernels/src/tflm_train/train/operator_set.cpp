#include "tflm_train/train/operator_set.h"

namespace tflm_train {

const Operator* OperatorSet::Find(KernelId kernel) const {
  const uint32_t number = static_cast<uint32_t>(kernel);
  if (number >= kKernelCount || position_[number] == 0) return nullptr;
  return entries_[position_[number] - 1];
}

}  // namespace tflm_train
