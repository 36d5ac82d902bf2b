#include "tflm_train/operators/element_wise.h"

namespace tflm_train {

Status CheckElementWise(const StepView& step, uint32_t words) {
  if (step.word_count() != words || !UnaryArgumentsFit(step)) return Status::kPlanInvalid;
  for (uint32_t i = 1; i < step.size(); ++i) {
    if (!SameElements(step.value(i), step.value(0))) return Status::kPlanInvalid;
  }
  return Status::kOk;
}

}  // namespace tflm_train
