// Backward steps of convolutions for errors of 16-bit integers, as convolution_int8.h has those of floats.
#ifndef TFLM_TRAIN_OPERATORS_CONVOLUTION_INT16_H_
#define TFLM_TRAIN_OPERATORS_CONVOLUTION_INT16_H_

#include "tflm_train/kernels/fast/s8/int16_sparse.h"
#include "tflm_train/operators/convolution.h"
#include "tflm_train/operators/int16_layer.h"

namespace tflm_train {

/// The constants of quantisation are sound, and no sum of a convolution's products can overflow. `pool`: that whose
/// errors it gets, of one without a max-pool: elements of the map that several windows choose have several errors.
template <class Conv>
TFLM_TRAIN_COLD bool Int16ProductsFit(const StepView& step, const Int16Words& words, const ConvShape& s,
                                      const PoolShape& pool) {
  const auto taps = uint64_t(s.filter_h) * uint64_t(s.filter_w);
  const uint64_t terms = taps * uint64_t(Conv::kDepthwise ? s.depth_multiplier : s.out_c) * MostWindows(pool);
  return words.Fit(step, static_cast<uint32_t>(s.out_c), terms, uint64_t(pool.out_h) * uint64_t(pool.out_w));
}

/// The gradients of a convolution's step. run(end): the weight gradient's rows.
template <class Conv, class Locator, class RunRows>
void Int16ConvolutionGradients(const StepView& step, const BackwardContext& context, const Int16Words& words,
                               const ConvShape& s, const FoldedErrors& errors, const Locator& locator, RunRows run) {
  if (context.weight_target != nullptr) {
    const Int16Sink sink(step, context, words, context.layer->weight, words.x_scale(step), errors.exponent);
    run([&sink](size_t first, uint32_t channel, const int32_t* row, uint32_t n, uint32_t apart) {
      sink.End(static_cast<uint32_t>(first), channel, row, n, apart);
    });
  }
  Int16BiasGradient(step, context, words, errors, static_cast<uint32_t>(s.out_c));
  CountUpdates(context, errors.selection, step.data<int16_t>(int16_layer::kDy), Elements(step.value(int16_layer::kDy)),
               locator, Conv::WeightsPerChannel(s));
}

/// `Conv`: Conv2d or DepthwiseConv2d; `Fast`: its fast kernels. `low_word`: position of the constants of quantisation.
template <class Conv, class Fast, ConvolutionShapesFit shapes_fit, uint32_t low_word>
struct Int16ConvolutionOperator {
  static constexpr Int16Words kWords = {low_word};

  static ConvShape Shape(const StepView& step) { return ReadConvShape(step, Conv::kDepthwise ? low_word - 1 : 0); }

  TFLM_TRAIN_COLD static Status Check(const StepView& step) {
    if (step.word_count() <= low_word || !Int16LayerFits(step, kWords) || !HasImages(step)) return Status::kPlanInvalid;
    const ConvShape s = Shape(step);
    const auto channels = static_cast<uint32_t>(s.out_c);
    if (LayerOutput(step).dims[3] != s.out_c ||
        !GeometryFits(step, {s, PoolOfOne(s), Activation::kNone}, false, shapes_fit)) {
      return Status::kPlanInvalid;
    }
    return PlanStatus(Int16ProductsFit<Conv>(step, kWords, s, PoolOfOne(s)) &&
                      Int16ChannelsFit(step, kWords, channels, HasNoInput(step) ? 0 : Fast::Workspace(s)));
  }

  static void Backward(const StepView& step, const BackwardContext& context) {
    using namespace int16_layer;
    const FoldedErrors errors = BeginInt16Backward(step, context, kWords);
    if (errors.selection.empty()) return;
    const ConvShape s = Shape(step);
    const auto* const dy = step.data<int16_t>(kDy);
    const Workspace<int32_t> workspace = kWords.WorkspaceOf(step);
    const DirectLocator locator(s.out_w, s.out_c);
    const uint32_t elements = Elements(step.value(kDy));
    const bool all = errors.selection.mode == Selection::Mode::kAll;
    const bool fast = kFastKernels && (all || !fast::s8::IsSparse(dy, elements));
    const int32_t per_tap = Conv::kDepthwise ? 1 : s.in_c;
    WorkCounters& work = *context.work;
    if (step.Has(kDx)) {
      ErrorRows dx = InputErrorRows(step, kWords, errors);
      const auto* const w = step.data<int8_t>(kW);
      if (fast) {
        Fast::InputError(s, w, dy, workspace, dx);
        if constexpr (kCountWork) Count(work.input_error, ErrorProducts(s, dy, false, per_tap));
      } else {
        s8::ConvInputError<Conv>(s, w, dy, workspace.values, dx, work);
      }
    }
    Int16ConvolutionGradients<Conv>(step, context, kWords, s, errors, locator, [&](const auto& end) {
      const ShiftedIntegers x = kWords.Input(step);
      if (fast) {
        Fast::WeightGradientRows(s, x, dy, elements, errors.selection, workspace, end);
        if constexpr (kCountWork) Count(work.weight_gradient, ErrorProducts(s, dy, all, per_tap));
      } else {
        Conv::WeightGradientRows(s, x, dy, elements, errors.selection, locator, workspace, work, end);
      }
    });
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_CONVOLUTION_INT16_H_
