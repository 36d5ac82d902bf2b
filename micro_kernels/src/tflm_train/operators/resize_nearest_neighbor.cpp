#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/resize_nearest.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::resize_nearest_neighbor;

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != kWords || !ArgumentsFit(step, 2, Needs(need::kFloat, need::kOutput))) {
    return Status::kPlanInvalid;
  }
  const ValueRecord &a = step.value(0), &b = step.value(1);
  const auto is_flag = [&step](Word word) { return step.word(word) == 0 || step.word(word) == 1; };
  return PlanStatus(IsImage(a) && IsImage(b) && a.dims[3] == b.dims[3] && is_flag(kAlignCorners) &&
                    is_flag(kHalfPixelCenters));
}

ResizeShape Shape(const StepView& step, const ValueRecord& x, const ValueRecord& y) {
  return {x.dims[1],
          x.dims[2],
          y.dims[1],
          y.dims[2],
          y.dims[3],
          step.word(kAlignCorners) != 0,
          step.word(kHalfPixelCenters) != 0};
}

void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  ResizeNearestForward(Shape(step, step.value(kX), step.value(kY)), step.data<float>(kX), step.data<float>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  const ValueRecord& dx = step.value(kDx);
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(kDx), Elements(dx));
  ResizeNearestBackward(Shape(step, dx, step.value(kDy)), step.data<float>(kDy), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kResizeNearestNeighbor> kResizeNearestNeighbor = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kResizeNearestNeighbor> kResizeNearestNeighborForward = {kArguments, Check, Forward,
                                                                                    nullptr};

}  // namespace tflm_train
