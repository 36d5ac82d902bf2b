// The backward step of a convolution together with that of the max-pool behind it, for errors of 16-bit integers.
#ifndef TFLM_TRAIN_OPERATORS_CONVOLUTION_INT16_POOLED_H_
#define TFLM_TRAIN_OPERATORS_CONVOLUTION_INT16_POOLED_H_

#include "tflm_train/kernels/s8/int16_pooled.h"
#include "tflm_train/operators/convolution_int16.h"

namespace tflm_train {

/// `Conv`: Conv2d or DepthwiseConv2d. `map_word`, `low_word`: positions of the pool's window and of the constants of
/// quantisation.
template <class Conv, ConvolutionShapesFit shapes_fit, uint32_t map_word, uint32_t low_word>
struct Int16PooledConvolutionOperator {
  static constexpr Int16Words kWords = {low_word, 1};
  static constexpr uint32_t kArgmax = arguments::conv_2d_max_pool_int16_errors::backward::kArgmax;

  static ConvolutionStep Read(const StepView& step) {
    ConvolutionStep result = {ReadConvShape(step, Conv::kDepthwise ? map_word - 1 : 0), {}, Activation::kNone};
    result.conv.out_h = step.word(map_word);
    result.conv.out_w = step.word(map_word + 1);
    result.pool = ReadPool(step, map_word + 2, result.conv.out_h, result.conv.out_w, LayerOutput(step));
    return result;
  }

  TFLM_TRAIN_COLD static Status Check(const StepView& step) {
    if (step.word_count() <= low_word || !Int16LayerFits(step, kWords) || !HasImages(step)) return Status::kPlanInvalid;
    const ConvolutionStep numbers = Read(step);
    const ConvShape& s = numbers.conv;
    const ValueRecord& output = LayerOutput(step);
    if (output.dims[3] != s.out_c || !PoolFits(numbers.pool) || !GeometryFits(step, numbers, true, shapes_fit) ||
        !ArgmaxFits(step, kArgmax, numbers.pool, output)) {
      return Status::kPlanInvalid;
    }
    return PlanStatus(Int16ProductsFit<Conv>(step, kWords, s, numbers.pool) &&
                      Int16ChannelsFit(step, kWords, static_cast<uint32_t>(s.out_c), LeastWorkspace(step, s)));
  }

  /// A filter, or a row of the image.
  TFLM_TRAIN_COLD static uint32_t LeastWorkspace(const StepView& step, const ConvShape& s) {
    if (HasNoInput(step)) return 0;
    const uint32_t filter = Conv::WeightsPerChannel(s), row = static_cast<uint32_t>(s.in_w * s.in_c);
    return filter > row ? filter : row;
  }

  static void Backward(const StepView& step, const BackwardContext& context) {
    using namespace int16_layer;
    const ConvolutionStep numbers = Read(step);
    const auto* const argmax = step.data<uint8_t>(kArgmax);
    const FoldedErrors errors = BeginInt16Backward(step, context, kWords);
    if (errors.selection.empty()) return;
    const ConvShape& s = numbers.conv;
    const auto* const dy = step.data<int16_t>(kDy);
    const Workspace<int32_t> workspace = kWords.WorkspaceOf(step);
    if (step.Has(kDx)) {
      ErrorRows dx = InputErrorRows(step, kWords, errors);
      s8::PooledConvInputError<Conv>(s, numbers.pool, argmax, step.data<int8_t>(kW), dy, workspace.values, dx,
                                     *context.work);
    }
    const PooledLocator locator(numbers.pool, argmax);
    Int16ConvolutionGradients<Conv>(step, context, kWords, s, errors, locator, [&](const auto& end) {
      Conv::WeightGradientRows(s, kWords.Input(step), dy, Elements(step.value(kDy)), errors.selection, locator,
                               workspace, *context.work, end);
    });
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_CONVOLUTION_INT16_POOLED_H_
