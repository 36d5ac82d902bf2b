#include "tflm_train/operators/int16_layer.h"

#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/plan/training_options.h"

namespace tflm_train {
namespace {

using namespace int16_layer;

constexpr Expected kInt8IfTrains = {ScalarType::kInt8, true}, kKeys = {ScalarType::kUint16, true, true},
                   kWinners = {ScalarType::kUint8}, kSums = {ScalarType::kInt32, false, true};
constexpr Expected kArguments[] = {kInt8IfTrains, kInt8, kInt8,     kInt16Error,         kInt16ErrorIfAny,
                                   kKeys,         kSums, kExponent, kExponentOutputIfAny};
constexpr Expected kPooledArguments[] = {kInt8IfTrains, kInt8,    kInt8, kInt16Error, kInt16ErrorIfAny,
                                         kKeys,         kWinners, kSums, kExponent,   kExponentOutputIfAny};

}  // namespace

bool Int16LayerFits(const StepView& step, const Int16Words& words) {
  const bool fits =
      words.winners != 0 ? ArgumentsAre(step, kPooledArguments, kCount + 1) : ArgumentsAre(step, kArguments, kCount);
  return IsBackward(step) && fits && LayerBackwardFits(step) && step.Has(kDx) == step.Has(words.dxe());
}

bool Int16ChannelsFit(const StepView& step, const Int16Words& words, uint32_t channels, uint32_t workspace) {
  const ValueRecord& dy = step.value(kDy);
  return SameElements(step.value(kY), dy) && static_cast<uint32_t>(dy.dims[dy.rank - 1]) == channels &&
         CheckedElements(step.value(words.workspace())) >= workspace && IsDisjoint(step, words.workspace()) &&
         (!step.Has(words.dxe()) || IsDisjoint(step, words.dxe()));
}

bool Int16Words::Fit(const StepView& step, uint32_t channels, uint64_t terms, uint64_t positions) const {
  constexpr int32_t kExponents = 512;  // beyond those of floats
  constexpr uint64_t kTermBits = 9, kPositionBits = 8;
  if (step.word_count() < low + kChannels + 2) return false;
  const uint32_t pairs = step.word_count() - low - kChannels, lost = static_cast<uint32_t>(shift(step));
  if ((pairs != 2 && (pairs / 2 != channels || pairs % 2 != 0)) || !RangeFits(step, low) ||
      !IsInt8(step.word(low + 2)) || !IsPositiveFinite(x_scale(step)) || lost > kErrorBits ||
      terms >= uint64_t{1} << (kTermBits + lost) || positions > uint64_t{1} << (kPositionBits + lost) ||
      exponent(step) < -kExponents || exponent(step) > kExponents) {
    return false;
  }
  for (uint32_t i = low + kChannels; i < step.word_count(); i += 2) {
    if (step.word(i) < 1 || step.word(i) >= 1 << kErrorBits || !IsPositiveFinite(step.word_f32(i + 1))) return false;
  }
  return true;
}

FoldedErrors BeginInt16Backward(const StepView& step, const BackwardContext& context, const Int16Words& words) {
  const uint32_t elements = Elements(step.value(kDy));
  auto* const dy = step.data<int16_t>(kDy);
  const int32_t exponent = BoundedExponent(*step.data<int32_t>(words.dye()));
  auto* const keys = step.data<uint16_t>(kScratch);
  const uint32_t magnitudes =
      MaskClamped(step.word(words.low), step.word(words.low + 1), step.data<int8_t>(kY), elements, dy);
  Selection selection = context.dense;
  if (context.SelectsIntegers(elements, keys)) selection = context.SelectIntegers(dy, exponent, elements, keys);
  if (selection.empty()) {
    if (step.Has(kDx) && !step.accumulates(0)) {
      Fill<int16_t>(0, step.data<int16_t>(kDx), Elements(step.value(kDx)));
      *step.data<int32_t>(words.dxe()) = 0;
    }
    return {selection, 0};
  }
  if (magnitudes == 0) {  // zeros leave what they are added to as it is, whatever their exponent
    const bool adds = step.Has(kDx) && step.accumulates(0);
    return {selection, adds ? *step.data<int32_t>(kDxe) - words.exponent(step) : 0};
  }
  // errors with few bits lose none of them
  const int32_t shift = words.shift(step) - (kErrorBits - MagnitudeBits(magnitudes));
  const ValueRecord& value = step.value(kDy);
  FoldErrors(words.ratios(step), words.pair(step), static_cast<uint32_t>(value.dims[value.rank - 1]), shift, dy,
             elements);
  return {selection, exponent + shift};
}

Int16Sink::Int16Sink(const StepView& step, const BackwardContext& context, const Int16Words& words, uint16_t parameter,
                     float unit, int32_t exponent)
    : step_(step),
      context_(context),
      words_(words),
      parameter_(parameter),
      unit_(unit),
      exponent_(exponent),
      integers_(context.update, *context.sink.plan, parameter, context.sink.persistent),
      rate_(TimesPowerOfTwo(Times(Fixed(unit), Fixed(context.sink.scale)), exponent)) {}

void Int16Sink::End(uint32_t at, uint32_t channel, const int32_t* sums, uint32_t n, uint32_t step) const {
  if (accumulates()) return Accumulate(at, channel, sums, n, step);
  integers_.RunSums(at, channel, sums, n, step, RateOf(channel));
}

void Int16Sink::EndProducts(uint32_t at, uint32_t channel, int32_t error, const int16_t* inputs, uint32_t n) const {
  integers_.RunProducts(at, channel, inputs, n, Times(RateOf(channel), FixedInteger(error)));
}

void Int16Sink::Accumulate(uint32_t at, uint32_t channel, const int32_t* sums, uint32_t n, uint32_t step) const {
  const StepSink& sink = context_.sink;
  const uint32_t buffer = sink.plan->parameter(parameter_).gradient_offset;
  auto* const gradients = reinterpret_cast<float*>(sink.persistent + buffer) + at;
  const float factor = unit_ * words_.inverse(step_, channel) * PowerOfTwo(exponent_);
  for (uint32_t i = 0; i < n; ++i) gradients[size_t{i} * step] += factor * static_cast<float>(sums[i]);
}

void Int16BiasGradient(const StepView& step, const BackwardContext& context, const Int16Words& words,
                       const FoldedErrors& errors, uint32_t channels) {
  if (context.bias_target == nullptr) return;
  const Int16Sink sink(step, context, words, context.layer->bias, 1.0f, errors.exponent);
  const uint32_t elements = Elements(step.value(kDy));
  const auto* const dy = step.data<int16_t>(kDy);
  for (uint32_t first = 0; first < channels; first += 4) {
    const uint32_t count = channels - first < 4 ? channels - first : 4;
    int32_t sums[4];
    fast::s8::inner::SumErrors(dy + first, elements / channels, channels, count, sums);
    for (uint32_t i = 0; i < count; ++i) {
      if (sums[i] != 0) sink.End(first + i, first + i, sums + i, 1);
    }
  }
}

}  // namespace tflm_train
