#include "tflm_train/operators/layer.h"

namespace tflm_train {
namespace {

constexpr uint32_t kForwardNeeds = Needs(need::kFloat, need::kFloat, need::kFloatIfAny, need::kOutput);
constexpr uint32_t kConvolutionForwardNeeds = kForwardNeeds | Needs(need::kOutputIfAny)
                                                                  << 4 * arguments::conv_2d::forward::kWorkspace;
constexpr uint32_t kPooledForwardNeeds = kForwardNeeds | Needs(need::kWinnersIfAny, need::kOutputIfAny)
                                                             << 4 * layer_forward::kArgmax;
constexpr uint32_t kBackwardNeeds =
    Needs(need::kFloatIfAny, need::kFloat, need::kAnything, need::kOutput, need::kOutputIfAny);
constexpr uint32_t kConvolutionBackwardNeeds = kBackwardNeeds | Needs(need::kOutputIfAny)
                                                                    << 4 * layer_backward::kWorkspace;
constexpr uint32_t kPooledBackwardNeeds = kConvolutionBackwardNeeds | Needs(need::kWinners)
                                                                          << 4 * layer_backward::kArgmax;

/// Room for the keys of all candidates, which nothing else that the step writes may change.
TFLM_TRAIN_COLD bool ScratchFits(const StepView& step) {
  using namespace layer_backward;
  if (!step.Has(kScratch)) return true;
  const ValueRecord& scratch = step.value(kScratch);
  return IsValue(step, kScratch, ScalarType::kUint16) && IsInArena(scratch) &&
         CheckedElements(scratch) >= CheckedElements(step.value(kDy)) && IsDisjoint(step, kScratch);
}

/// The step has x or dx unless it trains, both of one shape.
TFLM_TRAIN_COLD bool InputsFit(const StepView& step) {
  using namespace layer_backward;
  const bool has_dx = step.Has(kDx);
  if (!step.Has(kX)) return has_dx || step.record().layer != kNoneIndex;
  return !has_dx || SameShape(step.value(kX), step.value(kDx));
}

}  // namespace

uint32_t InputArgument(const StepView& step) {
  using namespace layer_backward;
  static_assert(uint32_t{kX} == uint32_t{layer_forward::kX});
  if (step.Has(kX)) return kX;
  return step.Has(kDx) ? kDx : kDy;
}

const ValueRecord& LayerOutput(const StepView& step) {
  return IsBackward(step) ? step.value(layer_backward::kDy) : step.value(layer_forward::kY);
}

const LayerNeeds kDenseNeeds = {{layer_forward::kY + 1, kForwardNeeds}, {layer_backward::kScratch + 1, kBackwardNeeds}};
const LayerNeeds kConvolutionNeeds = {{arguments::conv_2d::forward::kCount, kConvolutionForwardNeeds},
                                      {layer_backward::kWorkspace + 1, kConvolutionBackwardNeeds}};
const LayerNeeds kPooledNeeds = {{layer_forward::kCount, kPooledForwardNeeds},
                                 {layer_backward::kArgmax + 1, kPooledBackwardNeeds}};

bool LayerArgumentsFit(const StepView& step, const LayerNeeds& needs) {
  const bool backward = IsBackward(step);
  const ArgumentNeeds& of_step = backward ? needs.backward : needs.forward;
  return ArgumentsFit(step, of_step.count, of_step.needs) && (!backward || LayerBackwardFits(step));
}

bool LayerBackwardFits(const StepView& step) { return InputsFit(step) && ScratchFits(step); }

bool LayerChannelsFit(const StepView& step, int32_t channels, uint32_t activation_word) {
  if (IsBackward(step)) return MaskFits(step, activation_word, layer_backward::kY, layer_backward::kDy);
  if (!IsActivation(step.word(activation_word))) return false;
  return !step.Has(layer_forward::kB) ||
         CheckedElements(step.value(layer_forward::kB)) == static_cast<uint32_t>(channels);
}

}  // namespace tflm_train
