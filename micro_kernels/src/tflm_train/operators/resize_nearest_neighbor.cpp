#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/resize_nearest.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::resize_nearest_neighbor;

template <class T>
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != kWords || !MoveArgumentsFit<T>(step)) return Status::kPlanInvalid;
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

template <class T>
void Forward(const StepView& step, WorkCounters&) {
  using namespace forward;
  ResizeNearestForward<T>(Shape(step, step.value(kX), step.value(kY)), step.data<T>(kX), step.data<T>(kY));
}

void Backward(const StepView& step, const BackwardContext&) {
  using namespace backward;
  const ValueRecord& dx = step.value(kDx);
  if (!step.accumulates(0)) Fill(0.0f, step.data<float>(kDx), Elements(dx));
  ResizeNearestBackward(Shape(step, dx, step.value(kDy)), step.data<float>(kDy), step.data<float>(kDx));
}

}  // namespace

const OperatorOf<KernelId::kResizeNearestNeighbor> kResizeNearestNeighbor = {kArguments, Check<float>, Forward<float>,
                                                                             Backward};
const OperatorOf<KernelId::kResizeNearestNeighbor> kResizeNearestNeighborForward = {kArguments, Check<float>,
                                                                                    Forward<float>, nullptr};
const OperatorOf<KernelId::kResizeNearestNeighborInt8> kResizeNearestNeighborInt8 = {kArguments, Check<int8_t>,
                                                                                     Forward<int8_t>, Backward};
const OperatorOf<KernelId::kResizeNearestNeighborInt8> kResizeNearestNeighborInt8Forward = {kArguments, Check<int8_t>,
                                                                                            Forward<int8_t>, nullptr};

}  // namespace tflm_train
