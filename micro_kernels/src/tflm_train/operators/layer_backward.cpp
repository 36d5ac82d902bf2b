#include "tflm_train/operators/layer.h"

namespace tflm_train {

void BeginLayerBackward(const StepView& step, const BackwardContext& context, Activation activation, uint32_t elements,
                        bool prunes, LayerErrors* errors) {
  using namespace layer_backward;
  step.Resolve(kScratch + 1, errors->arguments);
  float* dy = errors->data(kDy);
  float* dx = errors->data(kDx);
  if constexpr (kFastKernels) {
    fast::MaskError(activation, errors->data(kY), dy, elements);
  } else {
    MaskError(activation, errors->data(kY), elements, dy);
  }
  errors->selection = context.Select(dy, elements, errors->arguments[kScratch], prunes ? dy : nullptr);
  if (dx != nullptr && !step.accumulates(0)) inner::Clear(dx, FloatElements(step.value(kDx)));
}

}  // namespace tflm_train
