// Convolutions in int8, as convolution.h has those in float.
#ifndef TFLM_TRAIN_OPERATORS_CONVOLUTION_INT8_H_
#define TFLM_TRAIN_OPERATORS_CONVOLUTION_INT8_H_

#include "tflm_train/kernels/fast/s8/conv_2d.h"
#include "tflm_train/kernels/fast/s8/conv_2d_backward.h"
#include "tflm_train/kernels/fast/s8/depthwise_conv_2d.h"
#include "tflm_train/kernels/s8/depthwise_conv_2d.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/int8_layer.h"

namespace tflm_train {

/// Which convolutions have fast kernels in int8: forward `Conv2d` and `DepthwiseConv2d`, backward the former.
template <class Conv>
inline constexpr bool kFastInt8Conv2d = kFastKernels && std::is_same_v<Conv, Conv2d>;
template <class Conv>
inline constexpr bool kHasFastInt8Forward = std::is_same_v<Conv, Conv2d> || Conv::kDepthwise;

/// dx += errors through the old weights. A step that does not train may have no room for a filter of floats.
template <class Conv, class Locator>
void Int8ConvolutionInputError(const fast::ConvErrors& errors, uint32_t elements, const ScaledWeights& w,
                               const Locator& locator, const Workspace<float>& workspace, float* dx,
                               WorkCounters& work) {
  if constexpr (kFastInt8Conv2d<Conv>) {
    if (workspace.elements >= Conv::WeightsPerChannel(errors.conv)) {
      return fast::s8::Conv2DInputError(errors, w, dx, workspace, work.input_error);
    }
  }
  Conv::InputError(errors.conv, w, errors.dy, elements, errors.selection, locator, dx, work);
}

/// Floats of a backward step's workspace that trains: a row of the gradient, and what the fast kernel wants besides.
template <class Conv>
uint32_t Int8GradientWorkspace(const ConvolutionStep& numbers, const ValueRecord& filter) {
  const uint32_t row = CheckedElements(filter) / static_cast<uint32_t>(numbers.conv.out_c);
  if constexpr (!std::is_same_v<Conv, Conv2d>) return row;
  const uint32_t strip = fast::s8::WindowStrip(numbers.conv, numbers.pool);
  return strip < UINT32_MAX - row ? row + strip : UINT32_MAX;
}

/// The gradient of the weights into `sink`.
template <class Conv, class Locator>
void Int8ConvolutionWeightGradient(const fast::ConvErrors& errors, uint32_t elements, const ShiftedInput& x,
                                   const Locator& locator, const Workspace<float>& workspace, const Int8Sink& sink,
                                   WorkCounters& work) {
  if constexpr (kFastInt8Conv2d<Conv>) {
    const auto end = [](const void* to, uint32_t channel, const float* row, uint32_t n) {
      static_cast<const Int8Sink*>(to)->End(channel * n, channel, row, n);
    };
    fast::s8::Conv2DWeightGradient(errors, x, workspace, {end, &sink}, work.weight_gradient);
  } else {
    Conv::WeightGradientRows(errors.conv, x, errors.dy, elements, errors.selection, locator, workspace, work,
                             [&sink](size_t first, uint32_t channel, const float* row, uint32_t n, uint32_t step) {
                               sink.End(static_cast<uint32_t>(first), channel, row, n, step);
                             });
  }
}

/// The backward step. `locator`: where an element of the error lies in the convolution's output; `argmax`: winners of
/// the max-pool behind it, null if there is none.
template <class Conv, class Locator>
void RunInt8ConvolutionBackward(const StepView& step, const BackwardContext& context, const Int8Words& words,
                                const ConvolutionStep& numbers, const uint8_t* argmax, const Locator& locator) {
  using namespace layer_backward;
  const ConvShape& s = numbers.conv;
  const uint32_t elements = Elements(step.value(kDy));
  const Selection selection = BeginInt8Backward(step, context, words, step.data<int8_t>(kY), elements);
  if (selection.empty()) return;
  const float* dy = step.data<float>(kDy);
  const Workspace<float> workspace = WorkspaceOf(step, kWorkspace);
  const fast::ConvErrors errors = {s, numbers.pool, argmax, selection, dy};
  if (float* dx = step.data<float>(kDx)) {
    Int8ConvolutionInputError<Conv>(errors, elements, words.Weights(step, step.data<int8_t>(kW)), locator, workspace,
                                    dx, *context.work);
  }
  if (context.weight_target != nullptr) {
    const Int8Sink sink(context, context.layer->weight, words.x_scale(step));
    Int8ConvolutionWeightGradient<Conv>(errors, elements, words.Input(step, step.data<int8_t>(kX)), locator, workspace,
                                        sink, *context.work);
  }
  Int8BiasGradient(context, selection, dy, elements, locator);
  CountUpdates(context, selection, dy, elements, locator, Conv::WeightsPerChannel(s));
}

/// The backward step of a convolution together with that of the max-pool behind it; forward they run apart.
template <class Conv, ConvolutionShapesFit shapes_fit, uint32_t map_word, uint32_t low_word>
struct Int8PooledConvolutionOperator {
  static constexpr Int8Words kWords = {low_word};

  static ConvolutionStep Read(const StepView& step) {
    ConvolutionStep result = {ReadConvShape(step, Conv::kDepthwise ? map_word - 1 : 0), {}, Activation::kNone};
    result.conv.out_h = step.word(map_word);
    result.conv.out_w = step.word(map_word + 1);
    result.pool = ReadPool(step, map_word + 2, result.conv.out_h, result.conv.out_w, LayerOutput(step));
    return result;
  }

  TFLM_TRAIN_COLD static Status Check(const StepView& step) {
    if (!IsBackward(step) || step.word_count() <= low_word || !Int8PooledArgumentsFit(step) || !HasImages(step)) {
      return Status::kPlanInvalid;
    }
    const ConvolutionStep numbers = Read(step);
    const ConvShape& s = numbers.conv;
    const ValueRecord& w = step.value(layer_backward::kW);
    const ValueRecord& output = LayerOutput(step);
    const auto channels = static_cast<uint32_t>(s.out_c);
    return PlanStatus(output.dims[3] == s.out_c && shapes_fit(s, w) && PoolFits(numbers.pool) &&
                      AddressesFit(numbers, true) && ArgmaxFits(step, layer_backward::kArgmax, numbers.pool, output) &&
                      Int8LayerFits(step, kWords, channels, {0, Int8GradientWorkspace<Conv>(numbers, w)}));
  }

  static void Backward(const StepView& step, const BackwardContext& context) {
    const ConvolutionStep numbers = Read(step);
    const auto* argmax = step.data<uint8_t>(layer_backward::kArgmax);
    RunInt8ConvolutionBackward<Conv>(step, context, kWords, numbers, argmax, PooledLocator(numbers.pool, argmax));
  }
};

/// `Conv`: the convolution in float, whose backward pass takes int8 weights and inputs; `Int8Conv`: the forward pass.
/// `low_word`: position of the constants of quantisation.
template <class Conv, class Int8Conv, ConvolutionShapesFit shapes_fit, uint32_t low_word>
struct Int8ConvolutionOperator {
  static constexpr Int8Words kWords = {low_word};
  static constexpr bool kFast = kFastKernels && kHasFastInt8Forward<Conv>;

  static ConvShape Shape(const StepView& step) { return ReadConvShape(step, Conv::kDepthwise ? low_word - 1 : 0); }

  static uint32_t ForwardWorkspace(const ConvShape& s) {
    if constexpr (!kHasFastInt8Forward<Conv>) return 0;
    return Conv::kDepthwise ? fast::s8::DepthwiseConv2DWorkspace(s) : fast::s8::Conv2DWorkspace(s);
  }

  TFLM_TRAIN_COLD static Status Check(const StepView& step) {
    if (step.word_count() <= low_word || !Int8ArgumentsFit(step) || !HasImages(step)) return Status::kPlanInvalid;
    const ConvShape s = Shape(step);
    const ValueRecord& w = step.value(layer_forward::kW);
    const ConvolutionStep numbers = {s, PoolOfOne(s), Activation::kNone};
    const auto channels = static_cast<uint32_t>(s.out_c);
    return PlanStatus(
        LayerOutput(step).dims[3] == s.out_c && shapes_fit(s, w) && AddressesFit(numbers, false) &&
        Int8LayerFits(step, kWords, channels, {ForwardWorkspace(s), Int8GradientWorkspace<Conv>(numbers, w)}));
  }

  static void Forward(const StepView& step, WorkCounters& work) {
    using namespace layer_forward;
    const auto *x = step.data<int8_t>(kX), *w = step.data<int8_t>(kW);
    const auto* bias = step.data<int32_t>(kB);
    auto* const y = step.data<int8_t>(kY);
    const int32_t x_zero = kWords.x_zero(step);
    const OutputStage stage = kWords.Stage(step);
    if constexpr (kFast && Conv::kDepthwise) {
      fast::s8::DepthwiseConv2DForward(Shape(step), x_zero, x, w, bias, stage, y, Int8ForwardWorkspace(step),
                                       work.forward);
    } else if constexpr (kFast) {
      fast::s8::Conv2DForward(Shape(step), x_zero, x, w, bias, stage, y, Int8ForwardWorkspace(step), work.forward);
    } else {
      s8::ConvForward<Int8Conv>(Shape(step), x_zero, x, w, bias, stage, y, work);
    }
  }

  static void Backward(const StepView& step, const BackwardContext& context) {
    ConvolutionStep numbers = {Shape(step), {}, Activation::kNone};
    numbers.pool = PoolOfOne(numbers.conv);
    RunInt8ConvolutionBackward<Conv>(step, context, kWords, numbers, nullptr,
                                     DirectLocator(numbers.conv.out_w, numbers.conv.out_c));
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_CONVOLUTION_INT8_H_
