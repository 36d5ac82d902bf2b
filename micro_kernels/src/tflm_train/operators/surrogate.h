// Backward steps of convolutions whose gradient is that of a 1x1 convolution between patches: see kernels/surrogate.h.
#ifndef TFLM_TRAIN_OPERATORS_SURROGATE_H_
#define TFLM_TRAIN_OPERATORS_SURROGATE_H_

#include "tflm_train/kernels/surrogate.h"
#include "tflm_train/operators/layer.h"

namespace tflm_train {

namespace surrogate_words = arguments::conv_2d_surrogate;
namespace surrogate_backward = arguments::conv_2d_surrogate::backward;

/// Patches of `input`, from the words of a window at the front of the step.
PatchGrid ReadPatchGrid(const StepView& step, const ValueRecord& input, const ValueRecord& patches);
/// Images of four dimensions, of which every patch has a pixel.
TFLM_TRAIN_COLD bool PatchesFit(const PatchGrid& grid);

/// Of a step that CheckSurrogate has passed.
SurrogateShape ReadSurrogate(const StepView& step);

/// `needed`: floats of the workspace for one of the two gradients.
using SurrogateElements = uint64_t (*)(const SurrogateShape& shape);
TFLM_TRAIN_COLD Status CheckSurrogate(const StepView& step, bool depthwise, SurrogateElements input_error,
                                      SurrogateElements weight_gradient);

/// Masks the errors, takes the means of their patches and selects among these; clears dx.
TFLM_TRAIN_COLD Selection BeginSurrogate(const StepView& step, const BackwardContext& context,
                                         const SurrogateShape& shape);
/// The gradient of biases, from means that nobody reads any more.
TFLM_TRAIN_COLD void EndSurrogate(const StepView& step, const BackwardContext& context, const SurrogateShape& shape,
                                  const Selection& selection, uint32_t weights_per_channel);

/// `Kernel`: ConvSurrogate or DepthwiseSurrogate.
template <class Kernel>
struct SurrogateOperator {
  static Status Check(const StepView& step) {
    return CheckSurrogate(step, Kernel::kDepthwise, Kernel::InputErrorElements, Kernel::WeightGradientElements);
  }

  static void Backward(const StepView& step, const BackwardContext& context) {
    using namespace surrogate_backward;
    const SurrogateShape shape = ReadSurrogate(step);
    const Selection selection = BeginSurrogate(step, context, shape);
    if (selection.empty()) return;
    const SurrogateErrors errors = {shape, selection, step.data<float>(kMeans)};
    float* const workspace = step.data<float>(kWorkspace);
    float* const dx = step.data<float>(kDx);
    if (dx != nullptr) {
      Kernel::InputError(errors, step.data<float>(kW), workspace, dx, context.work->input_error);
    }
    if (context.weight_target != nullptr) {
      Kernel::WeightGradient(errors, step.data<float>(kX), context.sink, workspace, context.weight_target,
                             context.work->weight_gradient);
    }
    EndSurrogate(step, context, shape, selection, Kernel::WeightsPerChannel(shape));
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_SURROGATE_H_
