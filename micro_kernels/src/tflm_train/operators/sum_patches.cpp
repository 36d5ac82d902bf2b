#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/operators/surrogate.h"

namespace tflm_train {
namespace {

using namespace arguments::sum_patches;
using namespace forward;

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (IsBackward(step) || step.word_count() != kWords ||
      !ArgumentsFit(step, kCount, Needs(need::kFloat, need::kOutput)) || !IsImage(step.value(kX)) ||
      !IsImage(step.value(kY)) || step.value(kX).dims[3] != step.value(kY).dims[3] || !IsDisjoint(step, kY)) {
    return Status::kPlanInvalid;
  }
  return PlanStatus(PatchesFit(ReadPatchGrid(step, step.value(kX), step.value(kY))));
}

void Forward(const StepView& step, WorkCounters&) {
  SumPatches(ReadPatchGrid(step, step.value(kX), step.value(kY)), step.data<float>(kX), step.data<float>(kY));
}

}  // namespace

const OperatorOf<KernelId::kSumPatches> kSumPatches = {kArguments, Check, Forward, nullptr};
const OperatorOf<KernelId::kSumPatches> kSumPatchesForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
