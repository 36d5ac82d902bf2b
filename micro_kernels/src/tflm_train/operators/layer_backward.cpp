#include "tflm_train/operators/layer.h"

namespace tflm_train {

Selection BeginLayerBackward(const StepView& step, const BackwardContext& context, Activation activation,
                             uint32_t elements) {
  using namespace layer_backward;
  float* dy = step.data<float>(kDy);
  float* dx = step.data<float>(kDx);
  uint16_t* keys = step.data<uint16_t>(kScratch);
  const bool selects = context.Selects(elements, keys);
  const float* gate = dy;
  if (kFastKernels && activation == Activation::kRelu && selects) {
    gate = step.data<float>(kY);  // selecting masks on the way
  } else if constexpr (kFastKernels) {
    fast::MaskError(activation, step.data<float>(kY), dy, elements);
  } else {
    MaskError(activation, step.data<float>(kY), elements, dy);
  }
  if (dx != nullptr && !step.accumulates(0)) inner::Clear(dx, FloatElements(step.value(kDx)));
  return selects ? context.Select(gate, dy, elements, keys) : context.dense;
}

}  // namespace tflm_train
