// What all kinds of policies share.
#ifndef TFLM_TRAIN_POLICIES_POLICY_H_
#define TFLM_TRAIN_POLICIES_POLICY_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"

namespace tflm_train {

/// A policy by kind and number. Objects are constants with static storage, like Operators; policies/policies.h declares
/// them, and a firmware links those that its OperatorSet names.
struct Policy {
  /// One number for both.
  static constexpr uint32_t Key(PolicyKind kind, uint32_t id) { return static_cast<uint32_t>(kind) << 16 | id; }
  uint32_t key;
};

/// A policy of one kind, whose interface is derived from it. `IdOfKind`: the enumeration of the kind's numbers.
template <PolicyKind kind, class IdOfKind>
struct PolicyOf : Policy {
  using Id = IdOfKind;
  static constexpr uint32_t KeyOf(Id id) { return Key(kind, static_cast<uint32_t>(id)); }
  constexpr explicit PolicyOf(Id id) : Policy{KeyOf(id)} {}
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_POLICY_H_
