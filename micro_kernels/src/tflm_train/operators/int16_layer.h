// What the layers share whose errors are 16-bit integers: their constants, checks, and how a backward step begins.
#ifndef TFLM_TRAIN_OPERATORS_INT16_LAYER_H_
#define TFLM_TRAIN_OPERATORS_INT16_LAYER_H_

#include "tflm_train/kernels/s8/int16_layers.h"
#include "tflm_train/operators/int16_check.h"
#include "tflm_train/operators/layer.h"

namespace tflm_train {

/// The arguments of a layer's step.
namespace int16_layer = arguments::conv_2d_int16_errors::backward;

/// Errors that have taken up the scales of the weights: error * scale = value * 2^(exponent + that of the scales).
struct FoldedErrors {
  Selection selection;
  int32_t exponent;
};

/// Where a layer has its constants of quantisation, six in a row, then pairs for all channels or each one; and its last
/// arguments, which lie one further where the winners of a max-pool stand in front of them.
struct Int16Words {
  uint32_t low;
  uint32_t winners = 0;

  uint32_t workspace() const { return int16_layer::kWorkspace + winners; }
  uint32_t dye() const { return int16_layer::kDye + winners; }
  uint32_t dxe() const { return int16_layer::kDxe + winners; }
  Workspace<int32_t> WorkspaceOf(const StepView& step) const {
    return {step.data<int32_t>(workspace()), Elements(step.value(workspace()))};
  }

  ShiftedIntegers Input(const StepView& step) const { return {step.data<int8_t>(int16_layer::kX), step.word(low + 2)}; }
  float x_scale(const StepView& step) const { return step.word_f32(low + 3); }
  /// Bits that folded errors have less, for sums that cannot overflow.
  int32_t shift(const StepView& step) const { return step.word(low + 4); }
  /// That of the weights' scales.
  int32_t exponent(const StepView& step) const { return step.word(low + 5); }
  /// A channel's scale over 2^exponent, with 15 fractional bits.
  const int32_t* ratios(const StepView& step) const { return step.words() + low + kChannels; }
  /// What undoes it: an error is the folded one times this.
  float inverse(const StepView& step, uint32_t channel) const {
    return step.word_f32(low + kChannels + 1 + channel * pair(step));
  }
  uint32_t pair(const StepView& step) const { return step.word_count() == low + kChannels + 2 ? 0 : 2; }

  /// They are sound, and no sum of so many products can overflow: those that meet in an element of the input's error,
  /// and in a weight's gradient.
  TFLM_TRAIN_COLD bool Fit(const StepView& step, uint32_t channels, uint64_t terms, uint64_t positions) const;

 private:
  static constexpr uint32_t kChannels = 6;
};

/// Arguments of a backward step.
TFLM_TRAIN_COLD bool Int16LayerFits(const StepView& step, const Int16Words& words);
/// What depends on the number of channels; `workspace`: elements that it has at least.
TFLM_TRAIN_COLD bool Int16ChannelsFit(const StepView& step, const Int16Words& words, uint32_t channels,
                                      uint32_t workspace);

/// How a backward step begins: masks and selects among the errors and folds the weights' scales into them. Where
/// nothing goes on the error of the input is complete.
FoldedErrors BeginInt16Backward(const StepView& step, const BackwardContext& context, const Int16Words& words);

/// The input's error, for a step that has one.
inline ErrorRows InputErrorRows(const StepView& step, const Int16Words& words, const FoldedErrors& errors) {
  return {step.data<int16_t>(int16_layer::kDx), Elements(step.value(int16_layer::kDx)), step.data<int32_t>(words.dxe()),
          step.accumulates(0), errors.exponent + words.exponent(step)};
}

/// Rows of the gradient of an integer parameter, sums of folded errors: into its buffer with accumulation, else into
/// the integers.
class Int16Sink {
 public:
  /// `unit`: what a sum of 1 is, the channel's inverse and 2^exponent aside.
  Int16Sink(const StepView& step, const BackwardContext& context, const Int16Words& words, uint16_t parameter,
            float unit, int32_t exponent);

  /// Rows are added to a buffer.
  bool accumulates() const { return context_.update == nullptr; }
  /// The gradient of elements at, at + step, ... of a channel is whole.
  void End(uint32_t at, uint32_t channel, const int32_t* sums, uint32_t n, uint32_t step = 1) const;
  /// That of n weights of a neuron is error * inputs, as ProductGradient has them. Not where it accumulates.
  void EndProducts(uint32_t at, uint32_t channel, int32_t error, const int16_t* inputs, uint32_t n) const;

 private:
  FixedFactor RateOf(uint32_t channel) const { return Times(rate_, Fixed(words_.inverse(step_, channel))); }
  /// Into the buffer, of floats.
  void Accumulate(uint32_t at, uint32_t channel, const int32_t* sums, uint32_t n, uint32_t step) const;

  const StepView& step_;
  const BackwardContext& context_;
  const Int16Words& words_;
  uint16_t parameter_;
  float unit_;
  int32_t exponent_;
  IntegerParameter integers_;
  FixedFactor rate_;  // the step in real numbers for a sum of 1, the channel's inverse aside
};

/// The gradient of biases: a channel's selected errors are summed before the bias is touched.
void Int16BiasGradient(const StepView& step, const BackwardContext& context, const Int16Words& words,
                       const FoldedErrors& errors, uint32_t channels);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_INT16_LAYER_H_
