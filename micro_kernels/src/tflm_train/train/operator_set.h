// The kernels and policies that a firmware links.
#ifndef TFLM_TRAIN_TRAIN_OPERATOR_SET_H_
#define TFLM_TRAIN_TRAIN_OPERATOR_SET_H_

#include <cstdint>

#include "tflm_train/base/cold.h"
#include "tflm_train/policies/policy.h"
#include "tflm_train/status.h"
#include "tflm_train/train/operator.h"

namespace tflm_train {

/// Operators by kernel and policies by kind and number. What is not added is not linked. Must outlive the trainers that
/// use it. A set that its constructor fills, as those of operators.h, is ready before any code runs; a constant one
/// lies in flash.
class OperatorSet {
 public:
  OperatorSet(const OperatorSet&) = delete;
  OperatorSet& operator=(const OperatorSet&) = delete;

  /// Adds an operator, or replaces the one of the same kernel. kInvalidArgument if the set is full.
  TFLM_TRAIN_COLD Status Add(const Operator& added) { return Put(added.kernel, added); }
  template <KernelId kernel>
  constexpr Status Add(const OperatorOf<kernel>& added) {
    return Put(kernel, added);
  }
  /// Adds a policy; the earlier of two with one number is the one that is found. kInvalidArgument if the set is full.
  constexpr Status Add(const Policy& added) {
    if (policy_count_ == policy_capacity_) return Status::kInvalidArgument;
    policies_[policy_count_++] = &added;
    return Status::kOk;
  }
  /// The kernel's operator, null if it was not added. `kernel` may be any number.
  const Operator* Find(KernelId kernel) const;
  /// The same of a kernel that was added.
  const Operator& At(KernelId kernel) const { return *entries_[position_[static_cast<uint32_t>(kernel)] - 1]; }
  /// The policy of one kind, as in Find<Loss>(LossId::kMeanSquaredError); null if it was not added. The number is below
  /// 2^16.
  template <class Kind>
  const Kind* Find(typename Kind::Id id) const {
    return static_cast<const Kind*>(FindPolicy(Kind::KeyOf(id)));
  }
  /// The same by kind and number in one: see Policy::Key.
  TFLM_TRAIN_COLD const Policy* FindPolicy(uint32_t key) const;
  uint32_t size() const { return size_; }
  const Operator& operator[](uint32_t i) const { return *entries_[i]; }

 protected:
  constexpr OperatorSet(const Operator** entries, uint16_t capacity, const Policy** policies, uint16_t policy_capacity)
      : entries_(entries), policies_(policies), capacity_(capacity), policy_capacity_(policy_capacity) {}
  ~OperatorSet() = default;

 private:
  constexpr Status Put(KernelId kernel, const Operator& added) {
    uint8_t& position = position_[static_cast<uint32_t>(kernel)];
    if (position == 0) {
      if (size_ == capacity_) return Status::kInvalidArgument;
      position = static_cast<uint8_t>(++size_);
    }
    entries_[position - 1] = &added;
    return Status::kOk;
  }

  const Operator** entries_;
  const Policy** policies_;
  uint16_t capacity_, policy_capacity_;
  uint16_t size_ = 0, policy_count_ = 0;
  uint8_t position_[kKernelCount] = {};  // by kernel: of the entry, counted from 1
};

/// An OperatorSet with room for some operators and policies: without a second number for one policy of each kind.
template <uint16_t operators, uint16_t policies = kPolicyKindCount>
class StaticOperatorSet : public OperatorSet {
 public:
  constexpr StaticOperatorSet() : OperatorSet(storage_, operators, policy_storage_, policies) {}

 private:
  const Operator* storage_[operators] = {};
  const Policy* policy_storage_[policies] = {};
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_OPERATOR_SET_H_
