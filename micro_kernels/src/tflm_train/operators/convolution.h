// Convolution operators: CONV_2D and DEPTHWISE_CONV_2D, alone or fused with the max-pool behind them, and their like.
#ifndef TFLM_TRAIN_OPERATORS_CONVOLUTION_H_
#define TFLM_TRAIN_OPERATORS_CONVOLUTION_H_

#include <type_traits>

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/conv_forward.h"
#include "tflm_train/kernels/fast/conv_2d.h"
#include "tflm_train/operators/layer.h"
#include "tflm_train/operators/pool.h"

namespace tflm_train {

/// The numbers of a convolution's step. Its pool is of one if it is no *_MAX_POOL.
struct ConvolutionStep {
  ConvShape conv;
  PoolShape pool;
  Activation activation;
};

/// The argument, empty if it is absent.
inline Workspace<float> WorkspaceOf(const StepView& step, uint32_t argument) {
  if (!step.Has(argument)) return {nullptr, 0};
  return {step.data<float>(argument), FloatElements(step.value(argument))};
}

/// Geometry of a convolution that is not pooled; `multiplier_word`: position of the depth multiplier, 0 where there is
/// none. Its images and its filter have four dimensions.
ConvShape ReadConvShape(const StepView& step, uint32_t multiplier_word);
/// Call after CheckConvolution.
ConvolutionStep ReadConvolution(const StepView& step, bool depthwise, bool pooled);
/// `shapes_fit`: the filter's shape fits the images, and no tap leaves them.
using ConvolutionShapesFit = bool (*)(const ConvShape& shape, const ValueRecord& filter);
TFLM_TRAIN_COLD Status CheckConvolution(const StepView& step, bool depthwise, bool pooled,
                                        ConvolutionShapesFit shapes_fit);

/// Input, output and filter have four dimensions.
TFLM_TRAIN_COLD bool HasImages(const StepView& step);
/// Kernels step through the image in 32 bits, also where a single position makes strides meaningless.
TFLM_TRAIN_COLD bool AddressesFit(const ConvolutionStep& step, bool pooled);
/// Filter, images and what a kernel computes of them fit together, as far as the step needs its input. Its pool fits.
TFLM_TRAIN_COLD bool GeometryFits(const StepView& step, const ConvolutionStep& numbers, bool pooled,
                                  ConvolutionShapesFit shapes_fit);
/// The window slides over the image.
TFLM_TRAIN_COLD bool SlidesOver(const ConvShape& shape);
TFLM_TRAIN_COLD bool FullFilterFits(const ConvShape& shape, const ValueRecord& filter);
TFLM_TRAIN_COLD bool DepthwiseFilterFits(const ConvShape& shape, const ValueRecord& filter);
TFLM_TRAIN_COLD bool GroupedFilterFits(const ConvShape& shape, const ValueRecord& filter);
/// The window of the convolution from the output to the input slides over the output.
TFLM_TRAIN_COLD bool TransposedFilterFits(const ConvShape& shape, const ValueRecord& filter);

/// `Conv`: Conv2d, DepthwiseConv2d or another one with their functions.
template <class Conv, bool kPooled, ConvolutionShapesFit shapes_fit>
struct ConvolutionOperator {
  // by type: with sanitizers, GCC takes no comparison of two functions for a constant
  template <ConvolutionShapesFit fit>
  using Which = std::integral_constant<ConvolutionShapesFit, fit>;
  static constexpr bool kFast = kFastKernels && std::is_same_v<Which<shapes_fit>, Which<FullFilterFits>>;

  static Status Check(const StepView& step) { return CheckConvolution(step, Conv::kDepthwise, kPooled, shapes_fit); }

  static void Forward(const StepView& step, WorkCounters& work) {
    using namespace layer_forward;
    const ConvolutionStep numbers = ReadConvolution(step, Conv::kDepthwise, kPooled);
    const float* x = step.data<float>(kX);
    const float* w = step.data<float>(kW);
    const float* bias = step.data<float>(kB);
    float* y = step.data<float>(kY);
    if constexpr (kPooled) {
      uint8_t* argmax = step.data<uint8_t>(kArgmax);
      if constexpr (kFast) {
        fast::PooledConv2DForward(numbers.conv, numbers.pool, numbers.activation, x, w, bias, y, argmax,
                                  WorkspaceOf(step, kWorkspace), work.forward);
      } else {
        ConvMaxPoolForward<Conv>(numbers.conv, numbers.pool, x, w, bias, numbers.activation, y, argmax, work);
      }
    } else if constexpr (kFast) {
      fast::Conv2DForward(numbers.conv, numbers.activation, x, w, bias, y,
                          WorkspaceOf(step, arguments::conv_2d::forward::kWorkspace), work.forward);
    } else {
      ConvForward<Conv>(numbers.conv, x, w, bias, numbers.activation, y, work);
    }
  }

  struct Layer {
    const ConvolutionStep& numbers;
    const uint8_t* argmax;
    uint32_t error_elements;
    Workspace<float> workspace;

    uint32_t elements() const { return error_elements; }
    auto locator() const {
      if constexpr (kPooled) {
        return PooledLocator(numbers.pool, argmax);
      } else {
        return DirectLocator(numbers.conv.out_w, numbers.conv.out_c);
      }
    }
    uint32_t channels() const { return static_cast<uint32_t>(numbers.conv.out_c); }
    uint32_t weights_per_channel() const { return Conv::WeightsPerChannel(numbers.conv); }
    void Backward(const Selection& selection, const float* x, const float* w, const float* dy,
                  const RowSink<float>& sink, float* target, float* dx, WorkCounters& work) const {
      const ConvShape& shape = numbers.conv;
      if constexpr (kFast) {
        const fast::ConvErrors errors = {shape, numbers.pool, argmax, selection, dy};
        if (dx != nullptr) fast::Conv2DInputError(errors, w, dx, workspace, work.input_error);
        if (target != nullptr) fast::Conv2DWeightGradient(errors, x, sink, workspace, target, work.weight_gradient);
        return;
      }
      if (dx != nullptr) Conv::InputError(shape, w, dy, error_elements, selection, locator(), dx, work);
      if (target != nullptr) {
        Conv::WeightGradient(shape, x, dy, error_elements, selection, locator(), sink, workspace, target, work);
      }
    }
  };

  static void Backward(const StepView& step, const BackwardContext& context) {
    const ConvolutionStep numbers = ReadConvolution(step, Conv::kDepthwise, kPooled);
    const uint8_t* argmax = kPooled ? step.data<uint8_t>(layer_backward::kArgmax) : nullptr;
    const uint32_t error_elements = Elements(step.value(layer_backward::kDy));
    const Layer layer = {numbers, argmax, error_elements, WorkspaceOf(step, layer_backward::kWorkspace)};
    RunLayerBackward(step, context, numbers.activation, layer);
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_CONVOLUTION_H_
