// A storage: what numbers of the plan are stored as.
#ifndef TFLM_TRAIN_POLICIES_STORAGE_H_
#define TFLM_TRAIN_POLICIES_STORAGE_H_

#include "tflm_train/policies/policy.h"

namespace tflm_train {

/// A storage. Without one all numbers are what they are stored as: a firmware whose plan has no records of quantisation
/// does not link the checks of any. `verify`: of the records, and of those that parameters name; nothing reads them
/// before.
struct Storage : PolicyOf<PolicyKind::kStorage, StorageId> {
  constexpr Storage(StorageId storage, Verify verify_plan, bool (*verify_value)(const PlanReader&, const ValueRecord&))
      : PolicyOf(storage, verify_plan), value_fits(verify_value) {}
  /// The record that a value with a valid shape names.
  bool (*value_fits)(const PlanReader& plan, const ValueRecord& value);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_STORAGE_H_
