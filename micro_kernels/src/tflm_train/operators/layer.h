// What the operators with weights share: their arguments, checks, and the order of a backward step.
#ifndef TFLM_TRAIN_OPERATORS_LAYER_H_
#define TFLM_TRAIN_OPERATORS_LAYER_H_

#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/bias.h"
#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/vector.h"
#include "tflm_train/kernels/work.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/train/operator.h"

namespace tflm_train {

/// Arguments of a layer's steps. workspace: convolutions only; argmax: *_MAX_POOL only.
namespace layer_forward = arguments::conv_2d_max_pool::forward;
namespace layer_backward = arguments::conv_2d_max_pool::backward;

inline bool IsBackward(const StepView& step) { return step.phase() == Phase::kBackward; }

/// The argument with the shape of the layer's input: x, or dx where its weights do not train, or dy where there is
/// neither. `LayerArgumentsFit` before.
TFLM_TRAIN_COLD uint32_t InputArgument(const StepView& step);
inline const ValueRecord& LayerInput(const StepView& step) { return step.value(InputArgument(step)); }
/// A backward step of which nothing depends on its input: biases alone train, and nothing below.
inline bool HasNoInput(const StepView& step) { return InputArgument(step) == layer_backward::kDy; }
/// The value with the shape of the layer's output: y, or its error.
TFLM_TRAIN_COLD const ValueRecord& LayerOutput(const StepView& step);

/// Number of a step's arguments, and what they must be.
struct ArgumentNeeds {
  uint32_t count, needs;
};
/// Of both steps of a layer.
struct LayerNeeds {
  ArgumentNeeds forward, backward;
};
extern const LayerNeeds kDenseNeeds, kConvolutionNeeds, kPooledNeeds;

/// Presence, types and places of a layer's arguments.
TFLM_TRAIN_COLD bool LayerArgumentsFit(const StepView& step, const LayerNeeds& needs);
/// Of a backward step whose arguments have the right types: the input and room for a selector's keys.
TFLM_TRAIN_COLD bool LayerBackwardFits(const StepView& step);
/// What depends on the number of output channels: the bias. `activation_word`: position of the fused activation.
TFLM_TRAIN_COLD bool LayerChannelsFit(const StepView& step, int32_t channels, uint32_t activation_word);

/// How the backward steps of all layers begin: masks and selects among the `elements` errors, and clears dx.
TFLM_TRAIN_COLD Selection BeginLayerBackward(const StepView& step, const BackwardContext& context,
                                             Activation activation, uint32_t elements);

/// Counts the parameters that a backward step changes.
template <class T, class Locator>
void CountUpdates(const BackwardContext& context, const Selection& selection, const T* dy, uint32_t elements,
                  const Locator& locator, uint32_t weights_per_channel) {
  if constexpr (kCountWork) {
    const uint64_t channels = SelectedChannels(selection, dy, elements, locator);
    if (context.weight_target != nullptr) Count(context.work->update, channels * weights_per_channel);
    if (context.bias_target != nullptr) Count(context.work->update, channels);
  }
}

/// One backward step of a convolution: mask, select, input error from the old weights, then the gradients of weights
/// and biases.
/// `Layer` has
///   elements(), locator(), channels(), weights_per_channel(),
///   Backward(selection, x, w, dy, sink, target, dx, work): dx += dy w, then the rows dy x of the target; either may be
///   null.
template <class Layer>
void RunLayerBackward(const StepView& step, const BackwardContext& context, Activation activation, const Layer& layer) {
  using namespace layer_backward;
  const uint32_t elements = layer.elements();
  const Selection selection = BeginLayerBackward(step, context, activation, elements);
  if (selection.empty()) return;
  const float* dy = step.data<float>(kDy);
  const RowSink<float>& sink = context.sink;
  layer.Backward(selection, step.data<float>(kX), step.data<float>(kW), dy, sink, context.weight_target,
                 step.data<float>(kDx), *context.work);
  if (context.bias_target != nullptr) {
    if constexpr (kFastKernels) {
      fast::BiasGradient(sink, context.bias_target, selection, dy, elements, layer.channels());
    } else {
      BiasGradient(selection, dy, elements, layer.locator(), sink, context.bias_target);
    }
  }
  CountUpdates(context, selection, dy, elements, layer.locator(), layer.weights_per_channel());
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_LAYER_H_
