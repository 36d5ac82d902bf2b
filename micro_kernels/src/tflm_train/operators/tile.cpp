#include "tflm_train/kernels/move.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::tile;

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != 0 || !ArgumentsFit(step, 2, Needs(need::kFloat, need::kOutput))) return Status::kPlanInvalid;
  const bool backward = step.phase() == Phase::kBackward;
  const ValueRecord &x = step.value(backward ? 1 : 0), &y = step.value(backward ? 0 : 1);
  if (x.rank != y.rank) return Status::kPlanInvalid;
  for (int32_t i = 0; i < x.rank; ++i) {
    if (y.dims[i] % x.dims[i] != 0) return Status::kPlanInvalid;
  }
  return Status::kOk;
}

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  TileForward<float>(DimsOf(step.value(kX)), DimsOf(step.value(kY)), step.data<float>(kX), step.data<float>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  const ValueRecord& dx = step.value(kDx);
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(kDx), Elements(dx));
  TileBackward<float>(DimsOf(dx), DimsOf(step.value(kDy)), step.data<float>(kDy), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kTile> kTile = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kTile> kTileForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
