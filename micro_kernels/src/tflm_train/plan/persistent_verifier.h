// Verifies what all programs of a plan share: defaults, parameters, layers.
#ifndef TFLM_TRAIN_PLAN_PERSISTENT_VERIFIER_H_
#define TFLM_TRAIN_PLAN_PERSISTENT_VERIFIER_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/plan/subject.h"

namespace tflm_train {

class PlanReader;

/// Options in their ranges; every parameter a float tensor of the file with all its data; weights, gradients and states
/// inside the persistent part of the arena, none over another.
TFLM_TRAIN_COLD Finding VerifyPersistent(const PlanReader& plan);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_PERSISTENT_VERIFIER_H_
