#include "tflm_train/operators/layer.h"

namespace tflm_train {
namespace {

bool ForwardArgumentsFit(const StepView& step, bool pooled) {
  using namespace layer_forward;
  if (step.size() < kY + 1 || step.size() > (pooled ? kArgmax + 1 : kY + 1)) return false;
  return IsFloat(step, kX) && IsFloat(step, kW) && (!step.Has(kBias) || IsFloat(step, kBias)) &&
         IsFloatOutput(step, kY);
}

/// Room for a list of all candidates, which nothing that the step writes may change.
bool ScratchFits(const StepView& step) {
  using namespace layer_backward;
  if (!step.Has(kScratch)) return true;
  const uint32_t candidates = Elements(step.value(kDy));
  const ScalarType type = IndexBytes(candidates) == 4 ? ScalarType::kUint32 : ScalarType::kUint16;
  return IsValue(step, kScratch, type) && IsInArena(step.value(kScratch)) &&
         Elements(step.value(kScratch)) >= candidates && IsDisjoint(step, kScratch);
}

bool BackwardArgumentsFit(const StepView& step, bool pooled) {
  using namespace layer_backward;
  if (step.size() != (pooled ? kArgmax + 1 : kScratch + 1)) return false;
  if (!IsFloat(step, kW) || !IsFloatOutput(step, kDy)) return false;
  const bool trains = step.record().layer != kNoneIndex;
  const bool has_x = step.Has(kX), has_dx = step.Has(kDx);
  if ((trains && !has_x) || (!has_x && !has_dx)) return false;
  if ((has_x && !IsFloat(step, kX)) || (has_dx && !IsFloatOutput(step, kDx))) return false;
  if (has_x && has_dx && !SameShape(step.value(kX), step.value(kDx))) return false;
  return ScratchFits(step);
}

}  // namespace

const ValueRecord& LayerInput(const StepView& step) {
  if (!IsBackward(step)) return step.value(layer_forward::kX);
  return step.value(step.Has(layer_backward::kX) ? layer_backward::kX : layer_backward::kDx);
}

const ValueRecord& LayerOutput(const StepView& step) {
  return IsBackward(step) ? step.value(layer_backward::kDy) : step.value(layer_forward::kY);
}

bool LayerArgumentsFit(const StepView& step, bool pooled) {
  return IsBackward(step) ? BackwardArgumentsFit(step, pooled) : ForwardArgumentsFit(step, pooled);
}

bool LayerChannelsFit(const StepView& step, int32_t channels, uint32_t activation_word) {
  if (IsBackward(step)) return MaskFits(step, activation_word, layer_backward::kY, layer_backward::kDy);
  if (!IsActivation(step.word(activation_word))) return false;
  return !step.Has(layer_forward::kBias) ||
         Elements(step.value(layer_forward::kBias)) == static_cast<uint32_t>(channels);
}

}  // namespace tflm_train
