#include "tflm_train/operators/layer.h"

namespace tflm_train {

Selection BeginLayerBackward(const StepView& step, const BackwardContext& context, Activation activation,
                             uint32_t elements) {
  using namespace layer_backward;
  float* dy = step.data<float>(kDy);
  float* dx = step.data<float>(kDx);
  if constexpr (kFastKernels) {
    fast::MaskError(activation, step.data<float>(kY), dy, elements);
  } else {
    MaskError(activation, step.data<float>(kY), elements, dy);
  }
  if (dx != nullptr && !step.accumulates(0)) inner::Clear(dx, FloatElements(step.value(kDx)));
  return context.Select(dy, elements, step.data<uint16_t>(kScratch));
}

}  // namespace tflm_train
