// The kernels and policies that a firmware links.
#ifndef TFLM_TRAIN_TRAIN_OPERATOR_SET_H_
#define TFLM_TRAIN_TRAIN_OPERATOR_SET_H_

#include <cstdint>

#include "tflm_train/base/cold.h"
#include "tflm_train/policies/losses.h"
#include "tflm_train/policies/selector.h"
#include "tflm_train/status.h"
#include "tflm_train/train/operator.h"

namespace tflm_train {

/// Operators by kernel, selectors and a loss. What is not added is not linked. Must outlive the trainers that use it. A
/// set that its constructor fills, as those of operators.h, is ready before any code runs; a constant one lies in
/// flash.
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
  /// Adds a selector; a plan whose selector is dense needs none.
  template <SelectorId selector>
  constexpr void Add(const SelectorOf<selector>& added) {
    selectors_[static_cast<uint32_t>(selector)] = &added;
  }
  /// The kernel's operator, null if it was not added. `kernel` may be any number.
  const Operator* Find(KernelId kernel) const;
  /// The selector of that number, null for dense. Below kSelectorCount.
  const Selector* Find(SelectorId selector) const { return selectors_[static_cast<uint32_t>(selector)]; }
  /// Whether a plan or options may name that selector. Below kSelectorCount.
  bool Selects(SelectorId selector) const { return selector == SelectorId::kDense || Find(selector) != nullptr; }
  const Loss& loss() const { return loss_; }
  uint32_t size() const { return size_; }
  const Operator& operator[](uint32_t i) const { return *entries_[i]; }

 protected:
  constexpr OperatorSet(const Operator** entries, uint32_t capacity, const Loss& loss)
      : entries_(entries), loss_(loss), capacity_(capacity) {}
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
  const Loss& loss_;
  uint32_t capacity_;
  uint32_t size_ = 0;
  const Selector* selectors_[kSelectorCount] = {};
  uint8_t position_[kKernelCount] = {};  // by kernel: of the entry, counted from 1
};

/// An OperatorSet with room for `capacity` operators. Links every loss function, or only the one that it is given.
template <uint32_t capacity>
class StaticOperatorSet : public OperatorSet {
 public:
  constexpr explicit StaticOperatorSet(const Loss& loss = kAnyLoss) : OperatorSet(storage_, capacity, loss) {}

 private:
  const Operator* storage_[capacity] = {};
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_OPERATOR_SET_H_
