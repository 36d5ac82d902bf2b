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

/// Floats of a backward step's workspace whose weights train: a row of the gradient, and what the fast kernel wants
/// besides.
template <class Conv>
uint32_t Int8GradientWorkspace(const StepView& step, const ConvolutionStep& numbers) {
  if (!IsBackward(step) || !step.Has(layer_backward::kX)) return 0;
  const ValueRecord& filter = step.value(layer_backward::kW);
  const uint32_t row = CheckedElements(filter) / static_cast<uint32_t>(numbers.conv.out_c);
  if constexpr (!std::is_same_v<Conv, Conv2d>) return row;
  const uint32_t strip = fast::s8::WindowStrip(numbers.conv, numbers.pool);
  return strip < UINT32_MAX - row ? row + strip : UINT32_MAX;
}

// The parts of a backward step. Each reads the geometry by itself, so that no frame below which kernels run holds it
// for the others. `Op`: the operator, with Read(step), Winners(step), null where no max-pool is behind it, and
// Locator(numbers, winners): where an element of the error lies in the convolution's output.

/// dx += errors through the old weights.
template <class Conv, class Op>
TFLM_TRAIN_NOINLINE void Int8ConvolutionInputError(const StepView& step, const BackwardContext& context,
                                                   const Selection& selection) {
  using namespace layer_backward;
  const ConvolutionStep numbers = Op::Read(step);
  const ScaledWeights w = Op::kWords.Weights(step, step.data<int8_t>(kW));
  Conv::InputError(numbers.conv, w, step.data<float>(kDy), Elements(step.value(kDy)), selection,
                   Op::Locator(numbers, Op::Winners(step)), step.data<float>(kDx), *context.work);
}

/// The same by the fast kernel; false where the workspace of a step that does not train has no room for a filter.
template <class Conv, class Op>
TFLM_TRAIN_NOINLINE bool FastInt8ConvolutionInputError(const StepView& step, const BackwardContext& context,
                                                       const Selection& selection) {
  using namespace layer_backward;
  if constexpr (!kFastInt8Conv2d<Conv>) return false;
  const ConvolutionStep numbers = Op::Read(step);
  const Workspace<float> workspace = WorkspaceOf(step, kWorkspace);
  if (workspace.elements < Conv::WeightsPerChannel(numbers.conv)) return false;
  fast::s8::Conv2DInputError({numbers.conv, numbers.pool, Op::Winners(step), selection, step.data<float>(kDy)},
                             Op::kWords.Weights(step, step.data<int8_t>(kW)), step.data<float>(kDx), workspace,
                             context.work->input_error);
  return true;
}

/// The gradient of the weights.
template <class Conv, class Op>
TFLM_TRAIN_NOINLINE void Int8ConvolutionWeightGradient(const StepView& step, const BackwardContext& context,
                                                       const Selection& selection) {
  using namespace layer_backward;
  const Int8Sink sink(context, context.layer->weight, Op::kWords.x_scale(step));
  const ConvolutionStep numbers = Op::Read(step);
  const uint8_t* const winners = Op::Winners(step);
  const auto* const dy = step.data<float>(kDy);
  if constexpr (kFastInt8Conv2d<Conv>) {
    const auto end = [](const void* to, uint32_t channel, const float* row, uint32_t n) {
      static_cast<const Int8Sink*>(to)->End(channel * n, channel, row, n);
    };
    fast::s8::Conv2DWeightGradient({numbers.conv, numbers.pool, winners, selection, dy},
                                   Op::kWords.Input(step, step.data<int8_t>(kX)), WorkspaceOf(step, kWorkspace),
                                   {end, &sink}, context.work->weight_gradient);
  } else {
    Conv::WeightGradientRows(numbers.conv, Op::kWords.Input(step, step.data<int8_t>(kX)), dy, Elements(step.value(kDy)),
                             selection, Op::Locator(numbers, winners), WorkspaceOf(step, kWorkspace), *context.work,
                             [&sink](size_t first, uint32_t channel, const float* row, uint32_t n, uint32_t apart) {
                               sink.End(static_cast<uint32_t>(first), channel, row, n, apart);
                             });
  }
}

/// The gradient of the biases, and the counts of what changes.
template <class Conv, class Op>
TFLM_TRAIN_NOINLINE void Int8ConvolutionBiasGradient(const StepView& step, const BackwardContext& context,
                                                     const Selection& selection) {
  using namespace layer_backward;
  const ConvolutionStep numbers = Op::Read(step);
  const auto locator = Op::Locator(numbers, Op::Winners(step));
  const auto* const dy = step.data<float>(kDy);
  const uint32_t elements = Elements(step.value(kDy));
  Int8BiasGradient(context, selection, dy, elements, locator);
  CountUpdates(context, selection, dy, elements, locator, Conv::WeightsPerChannel(numbers.conv));
}

/// The backward step.
template <class Conv, class Op>
void RunInt8ConvolutionBackward(const StepView& step, const BackwardContext& context) {
  using namespace layer_backward;
  const Selection selection =
      BeginInt8Backward(step, context, Op::kWords, step.data<int8_t>(kY), Elements(step.value(kDy)));
  if (selection.empty()) return;
  if (step.Has(kDx) && !FastInt8ConvolutionInputError<Conv, Op>(step, context, selection)) {
    Int8ConvolutionInputError<Conv, Op>(step, context, selection);
  }
  if (context.weight_target != nullptr) Int8ConvolutionWeightGradient<Conv, Op>(step, context, selection);
  Int8ConvolutionBiasGradient<Conv, Op>(step, context, selection);
}

/// The backward step of a convolution together with that of the max-pool behind it; forward they run apart.
template <class Conv, ConvolutionShapesFit shapes_fit, uint32_t map_word, uint32_t low_word>
struct Int8PooledConvolutionOperator {
  static constexpr Int8Words kWords = {low_word};

  TFLM_TRAIN_NOINLINE static ConvolutionStep Read(const StepView& step) {
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
    const ValueRecord& output = LayerOutput(step);
    const auto channels = static_cast<uint32_t>(s.out_c);
    return PlanStatus(output.dims[3] == s.out_c && PoolFits(numbers.pool) &&
                      GeometryFits(step, numbers, true, shapes_fit) &&
                      ArgmaxFits(step, layer_backward::kArgmax, numbers.pool, output) &&
                      Int8LayerFits(step, kWords, channels, {0, Int8GradientWorkspace<Conv>(step, numbers)}));
  }

  static const uint8_t* Winners(const StepView& step) { return step.data<uint8_t>(layer_backward::kArgmax); }
  static PooledLocator Locator(const ConvolutionStep& numbers, const uint8_t* winners) {
    return {numbers.pool, winners};
  }

  static void Backward(const StepView& step, const BackwardContext& context) {
    RunInt8ConvolutionBackward<Conv, Int8PooledConvolutionOperator>(step, context);
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
    const ConvolutionStep numbers = {s, PoolOfOne(s), Activation::kNone};
    const auto channels = static_cast<uint32_t>(s.out_c);
    return PlanStatus(
        LayerOutput(step).dims[3] == s.out_c && GeometryFits(step, numbers, false, shapes_fit) &&
        Int8LayerFits(step, kWords, channels,
                      {IsBackward(step) ? 0 : ForwardWorkspace(s), Int8GradientWorkspace<Conv>(step, numbers)}));
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

  TFLM_TRAIN_NOINLINE static ConvolutionStep Read(const StepView& step) {
    ConvolutionStep numbers = {Shape(step), {}, Activation::kNone};
    numbers.pool = PoolOfOne(numbers.conv);
    return numbers;
  }
  static const uint8_t* Winners(const StepView&) { return nullptr; }
  static DirectLocator Locator(const ConvolutionStep& numbers, const uint8_t*) {
    return {numbers.conv.out_w, numbers.conv.out_c};
  }

  static void Backward(const StepView& step, const BackwardContext& context) {
    RunInt8ConvolutionBackward<Conv, Int8ConvolutionOperator>(step, context);
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_CONVOLUTION_INT8_H_
