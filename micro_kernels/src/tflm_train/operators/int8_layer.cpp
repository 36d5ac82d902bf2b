#include "tflm_train/operators/int8_layer.h"

#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/plan/training_options.h"

namespace tflm_train {
namespace {

namespace arguments_forward = arguments::fully_connected_int8::forward;
namespace arguments_backward = arguments::fully_connected_int8::backward;

constexpr Expected kForwardArguments[] = {{ScalarType::kInt8},
                                          {ScalarType::kInt8},
                                          {ScalarType::kInt32, true},
                                          {ScalarType::kInt8, false, true},
                                          {ScalarType::kInt16, true, true}};
constexpr Expected kBackwardArguments[] = {{ScalarType::kInt8, true},
                                           {ScalarType::kInt8},
                                           {ScalarType::kInt8},
                                           {ScalarType::kFloat32, false, true},
                                           {ScalarType::kFloat32, true, true},
                                           {ScalarType::kUint16, true, true},
                                           {ScalarType::kFloat32, true, true},
                                           {ScalarType::kUint8}};  // winners of a max-pool

/// Memory of the step's own, with so many elements.
TFLM_TRAIN_COLD bool WorkspaceFits(const StepView& step, uint32_t argument, uint32_t elements) {
  return step.Has(argument) && CheckedElements(step.value(argument)) >= elements && IsDisjoint(step, argument);
}

}  // namespace

bool Int8ArgumentsFit(const StepView& step) {
  if (!IsBackward(step)) return ArgumentsAre(step, kForwardArguments, arguments_forward::kCount);
  return ArgumentsAre(step, kBackwardArguments, arguments_backward::kCount) && LayerBackwardFits(step);
}

bool Int8PooledArgumentsFit(const StepView& step) {
  return ArgumentsAre(step, kBackwardArguments, arguments_backward::kCount + 1) && LayerBackwardFits(step);
}

bool Int8LayerFits(const StepView& step, const Int8Words& words, uint32_t channels, const Int8Workspace& workspace) {
  if (!words.Fit(step, channels)) return false;
  if (!IsBackward(step)) {
    return (!step.Has(arguments_forward::kB) || CheckedElements(step.value(arguments_forward::kB)) == channels) &&
           (workspace.forward == 0 || WorkspaceFits(step, arguments_forward::kWorkspace, workspace.forward));
  }
  const ValueRecord& output = LayerOutput(step);
  return SameElements(step.value(arguments_backward::kY), output) &&
         (!step.Has(arguments_backward::kX) || WorkspaceFits(step, arguments_backward::kWorkspace, workspace.row)) &&
         (step.record().layer == kNoneIndex || static_cast<uint32_t>(output.dims[output.rank - 1]) == channels);
}

OutputStage Int8Words::Stage(const StepView& step) const {
  const uint32_t pair = one_factor(step, 2) ? 0 : 2;
  return {{step.words() + low + kFactors, pair}, step.word(low + 3), step.word(low), step.word(low + 1)};
}

ScaledWeights Int8Words::Weights(const StepView& step, const int8_t* w) const {
  const auto* scales = reinterpret_cast<const float*>(step.words() + low + kFactors);
  return {w, scales, one_factor(step, 1) ? 0u : 1u};
}

bool Int8Words::Fit(const StepView& step, uint32_t channels) const {
  const uint32_t first = low + kFactors, words = IsBackward(step) ? 1 : 2;
  if (step.word_count() <= first) return false;
  const uint32_t count = step.word_count() - first;
  if (count != words && (count / words != channels || count % words != 0)) return false;
  if (!RangeFits(step, low) || !IsInt8(step.word(low + 2)) || !IsInt8(step.word(low + 3)) ||
      !IsPositiveFinite(step.word_f32(low + 4))) {
    return false;
  }
  for (uint32_t i = first; i < step.word_count(); i += words) {
    const bool fits = IsBackward(step) ? IsPositiveFinite(step.word_f32(i)) : IsFactor(step.word(i), step.word(i + 1));
    if (!fits) return false;
  }
  return true;
}

Int8Sink::Int8Sink(const BackwardContext& context, uint16_t parameter, float unit)
    : parameter_(context.update, *context.sink.plan, parameter, context.sink.persistent),
      rate_(context.update != nullptr ? context.sink.scale * unit : unit),
      buffer_(context.update != nullptr
                  ? nullptr
                  : reinterpret_cast<float*>(context.sink.persistent +
                                             context.sink.plan->parameter(parameter).gradient_offset)) {}

void Int8Sink::End(uint32_t at, uint32_t channel, const float* gradient, uint32_t n, uint32_t step) const {
  if (!accumulates()) return parameter_.Run(at, channel, gradient, n, step, rate_);
  const RowSink<float> sum(rate_);
  sum.EndStrided(buffer_ + at, gradient, n, step);
}

Selection BeginInt8Backward(const StepView& step, const BackwardContext& context, const Int8Words& words,
                            const int8_t* y, uint32_t elements) {
  using namespace layer_backward;
  auto* const dy = step.data<float>(kDy);
  auto* const dx = step.data<float>(kDx);
  auto* const keys = step.data<uint16_t>(kScratch);
  MaskClamped(step.word(words.low), step.word(words.low + 1), y, elements, dy);
  if (dx != nullptr && !step.accumulates(0)) Fill(0.0f, dx, FloatElements(step.value(kDx)));
  return context.Selects(elements, keys) ? context.Select(dy, dy, elements, keys) : context.dense;
}

}  // namespace tflm_train
