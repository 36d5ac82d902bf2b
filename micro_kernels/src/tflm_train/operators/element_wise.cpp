#include "tflm_train/operators/element_wise.h"

namespace tflm_train {

Status CheckElementWise(const StepView& step, uint32_t words) {
  const bool backward = step.phase() == Phase::kBackward;
  if (step.word_count() != words ||
      !ArgumentsFit(step, backward ? 3 : 2,
                    backward ? Needs(need::kFloat, need::kFloat, need::kOutput) : Needs(need::kFloat, need::kOutput))) {
    return Status::kPlanInvalid;
  }
  return PlanStatus(SameElements(step.value(0), step.value(1)) &&
                    (!backward || SameElements(step.value(0), step.value(2))));
}

}  // namespace tflm_train
