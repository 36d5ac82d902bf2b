// What all kinds of policies share.
#ifndef TFLM_TRAIN_POLICIES_POLICY_H_
#define TFLM_TRAIN_POLICIES_POLICY_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"
#include "tflm_train/plan/subject.h"

namespace tflm_train {

class PlanReader;

/// A policy by kind and number. Objects are constants with static storage, like Operators; policies/policies.h declares
/// them, and a firmware links those that its OperatorSet names.
struct Policy {
  using Verify = Finding (*)(const Policy& policy, const PlanReader& plan);

  constexpr explicit Policy(uint32_t number, Verify verify_plan = nullptr) : key(number), verify(verify_plan) {}
  /// One number for both.
  static constexpr uint32_t Key(PolicyKind kind, uint32_t id) { return static_cast<uint32_t>(kind) << 16 | id; }
  static constexpr PolicyKind KindOf(uint32_t key) { return static_cast<PolicyKind>(key >> 16); }
  uint32_t key;
  /// Whether a plan has what the policy needs, null if it asks for nothing. A pointer, so that a firmware without the
  /// policy does not link it.
  Verify verify;
};

/// A policy of one kind, whose interface is derived from it. `IdOfKind`: the enumeration of the kind's numbers.
template <PolicyKind kind, class IdOfKind>
struct PolicyOf : Policy {
  using Id = IdOfKind;
  static constexpr uint32_t KeyOf(Id id) { return Key(kind, static_cast<uint32_t>(id)); }
  constexpr explicit PolicyOf(Id id, Verify verify_plan = nullptr) : Policy(KeyOf(id), verify_plan) {}
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_POLICY_H_
