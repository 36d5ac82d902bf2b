#include "tflm_train/operators/surrogate.h"

namespace tflm_train {
namespace {

using namespace surrogate_words;
using namespace surrogate_words::backward;

constexpr uint32_t kNeeds = Needs(need::kFloatIfAny, need::kFloat, need::kAnything, need::kOutput, need::kOutputIfAny,
                                  need::kAnything, need::kOutput, need::kOutput);

/// Side by side from the corner on.
PatchGrid ErrorGrid(const StepView& step) {
  const ValueRecord& dy = step.value(kDy);
  const ValueRecord& means = step.value(kMeans);
  const int32_t patch = step.word(kPatch);
  return {dy.dims[1], dy.dims[2], dy.dims[3], means.dims[1], means.dims[2], patch, patch, patch, patch, 0, 0};
}

/// A selector's keys, a room for each candidate, that nothing else of the step shares.
TFLM_TRAIN_COLD bool KeysFit(const StepView& step) {
  return !step.Has(kScratch) ||
         (IsValue(step, kScratch, ScalarType::kUint16) && IsInArena(step.value(kScratch)) &&
          CheckedElements(step.value(kScratch)) >= CheckedElements(step.value(kMeans)) && IsDisjoint(step, kScratch));
}

/// Means share no byte with another argument, or lie where the errors begin, which they take the place of.
TFLM_TRAIN_COLD bool MeansFit(const StepView& step) {
  const ValueRecord& means = step.value(kMeans);
  for (uint32_t i = 0; i < kMeans; ++i) {
    if (!step.Has(i) || !Overlap(step.value(i), means)) continue;
    if (i != kDy || step.value(i).offset != means.offset) return false;
  }
  return true;
}

/// The filter's last dimensions are those of the patches.
TFLM_TRAIN_COLD bool FilterFits(const StepView& step, bool depthwise, int32_t in_c, int32_t out_c) {
  const ValueRecord& w = step.value(kW);
  if (w.rank != 4) return false;
  if (!depthwise) return w.dims[0] == out_c && w.dims[3] == in_c;
  return w.dims[0] == 1 && w.dims[3] == out_c && out_c % in_c == 0;
}

/// The sums of the input's patches: as many as means; there if the step trains, they or the error in any case.
TFLM_TRAIN_COLD bool InputsFit(const StepView& step) {
  const ValueRecord& means = step.value(kMeans);
  if (!step.Has(kX)) return step.Has(kDx) && step.record().layer == kNoneIndex && IsImage(step.value(kDx));
  const ValueRecord& x = step.value(kX);
  if (!IsImage(x) || x.dims[1] != means.dims[1] || x.dims[2] != means.dims[2]) return false;
  return !step.Has(kDx) || (IsImage(step.value(kDx)) && step.value(kDx).dims[3] == x.dims[3]);
}

}  // namespace

PatchGrid ReadPatchGrid(const StepView& step, const ValueRecord& input, const ValueRecord& patches) {
  return {input.dims[1],
          input.dims[2],
          input.dims[3],
          patches.dims[1],
          patches.dims[2],
          step.word(kWindowH),
          step.word(kWindowW),
          step.word(kWindowStrideH),
          step.word(kWindowStrideW),
          step.word(kOffsetH),
          step.word(kOffsetW)};
}

bool PatchesFit(const PatchGrid& grid) {
  const auto fits = [](int32_t in, int32_t count, int32_t window, int32_t stride, int32_t offset) {
    constexpr int32_t kLimit = 1 << 29;
    return in < kLimit && window > 0 && window < kLimit && stride > 0 && offset >= 0 &&
           int64_t{count - 1} * stride + offset < in;
  };
  return fits(grid.in_h, grid.rows, grid.window_h, grid.stride_h, grid.offset_h) &&
         fits(grid.in_w, grid.columns, grid.window_w, grid.stride_w, grid.offset_w);
}

SurrogateShape ReadSurrogate(const StepView& step) {
  const ValueRecord& w = step.value(kW);
  SurrogateShape shape;
  shape.error = ErrorGrid(step);
  shape.input = ReadPatchGrid(step, step.value(step.Has(kDx) ? kDx : kX), step.value(kMeans));
  shape.first_tap = step.word(kFirstTap);
  shape.taps = step.word(kTaps);
  shape.all_taps = w.dims[1] * w.dims[2];
  shape.scale = step.word_f32(kScale);
  return shape;
}

Status CheckSurrogate(const StepView& step, bool depthwise, SurrogateElements input_error,
                      SurrogateElements weight_gradient) {
  if (!IsBackward(step) || step.word_count() != kWords || !ArgumentsFit(step, kCount, kNeeds) ||
      !IsImage(step.value(kDy)) || !IsImage(step.value(kMeans)) ||
      step.value(kDy).dims[3] != step.value(kMeans).dims[3] || !InputsFit(step) || !KeysFit(step) || !MeansFit(step) ||
      !IsDisjoint(step, kWorkspace)) {
    return Status::kPlanInvalid;
  }
  const SurrogateShape shape = ReadSurrogate(step);
  const PatchGrid& error = shape.error;
  // no error is left out
  const bool covered = step.word(kPatch) > 0 && int64_t{error.rows} * error.window_h >= error.in_h &&
                       int64_t{error.columns} * error.window_w >= error.in_w;
  const bool taps_fit = shape.first_tap >= 0 && shape.taps > 0 && shape.taps <= shape.all_taps &&
                        shape.first_tap <= shape.all_taps - shape.taps;
  if (!covered || !taps_fit || !PatchesFit(error) || (step.Has(kDx) && !PatchesFit(shape.input)) ||
      !FilterFits(step, depthwise, shape.in_c(), shape.out_c()) || !MaskFits(step, kActivation, kY, kDy)) {
    return Status::kPlanInvalid;
  }
  const uint64_t room = CheckedElements(step.value(kWorkspace));
  return PlanStatus((!step.Has(kDx) || room >= input_error(shape)) &&
                    (step.record().layer == kNoneIndex || room >= weight_gradient(shape)));
}

Selection BeginSurrogate(const StepView& step, const BackwardContext& context, const SurrogateShape& shape) {
  float* const dy = step.data<float>(kDy);
  float* const means = step.data<float>(kMeans);
  float* const dx = step.data<float>(kDx);
  uint16_t* const keys = step.data<uint16_t>(kScratch);
  const Activation activation = ActivationWord(step, kActivation);
  if constexpr (kFastKernels) {
    fast::MaskError(activation, step.data<float>(kY), dy, FloatElements(step.value(kDy)));
  } else {
    MaskError(activation, step.data<float>(kY), FloatElements(step.value(kDy)), dy);
  }
  MeanPatches(shape.error, shape.scale, dy, means);
  if (dx != nullptr && !step.accumulates(0)) inner::Clear(dx, FloatElements(step.value(kDx)));
  const uint32_t elements = FloatElements(step.value(kMeans));
  return context.Selects(elements, keys) ? context.Select(means, means, elements, keys) : context.dense;
}

void EndSurrogate(const StepView& step, const BackwardContext& context, const SurrogateShape& shape,
                  const Selection& selection, uint32_t weights_per_channel) {
  float* const means = step.data<float>(kMeans);
  const uint32_t elements = FloatElements(step.value(kMeans));
  const DirectLocator locator(shape.error.columns, shape.out_c());
  CountUpdates(context, selection, means, elements, locator, weights_per_channel);
  if (context.bias_target == nullptr) return;
  UndoMeans(shape.error, shape.scale, means);
  if constexpr (kFastKernels) {
    fast::BiasGradient(context.sink, context.bias_target, selection, means, elements,
                       static_cast<uint32_t>(shape.out_c()));
  } else {
    BiasGradient(selection, means, elements, locator, context.sink, context.bias_target);
  }
}

}  // namespace tflm_train
