#include "tflm_train/operators/element_wise.h"

namespace tflm_train {

Status CheckElementWise(const StepView& step, uint32_t words) {
  const uint32_t arguments = step.phase() == Phase::kBackward ? 3 : 2;
  if (step.size() != arguments || step.word_count() != words || !IsFloat(step, 0)) return Status::kPlanInvalid;
  for (uint32_t i = 1; i < arguments; ++i) {
    if (!IsFloat(step, i) || !SameElements(step.value(i), step.value(0))) return Status::kPlanInvalid;
  }
  return PlanStatus(IsFloatOutput(step, arguments - 1));
}

}  // namespace tflm_train
