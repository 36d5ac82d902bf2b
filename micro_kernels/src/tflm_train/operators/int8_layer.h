// What the int8 operators with weights share: checks of their constants, and where the rows of their gradients go.
#ifndef TFLM_TRAIN_OPERATORS_INT8_LAYER_H_
#define TFLM_TRAIN_OPERATORS_INT8_LAYER_H_

#include "tflm_train/kernels/s8/operands.h"
#include "tflm_train/kernels/selected_elements.h"
#include "tflm_train/operators/int8_check.h"
#include "tflm_train/operators/layer.h"

namespace tflm_train {

/// Where an int8 layer has its constants of quantisation: five in a row, then its factors.
struct Int8Words {
  uint32_t low;

  OutputStage Stage(const StepView& step) const;
  int32_t x_zero(const StepView& step) const { return step.word(low + 2); }
  float x_scale(const StepView& step) const { return step.word_f32(low + 4); }
  ScaledWeights Weights(const StepView& step, const int8_t* w) const;
  ShiftedInput Input(const StepView& step, const int8_t* x) const { return {x, x_zero(step)}; }
  /// They are sound, and there is one factor or one for each channel.
  TFLM_TRAIN_COLD bool Fit(const StepView& step, uint32_t channels) const;

 private:
  static constexpr uint32_t kFactors = 5;
  bool one_factor(const StepView& step, uint32_t words) const { return step.word_count() == low + kFactors + words; }
};

/// Types and places of a layer's arguments: those of FULLY_CONNECTED_INT8.
TFLM_TRAIN_COLD bool Int8ArgumentsFit(const StepView& step);
/// The same of a backward step with the max-pool behind the layer.
TFLM_TRAIN_COLD bool Int8PooledArgumentsFit(const StepView& step);
/// Elements of a layer's workspaces: of its forward step, 0 if there need not be one, and for a row of the gradient in
/// a step whose weights train.
struct Int8Workspace {
  uint32_t forward, row;
};
/// Constants, the output, the bias and the workspace.
TFLM_TRAIN_COLD bool Int8LayerFits(const StepView& step, const Int8Words& words, uint32_t channels,
                                   const Int8Workspace& workspace);
/// That of a forward step for which Int8LayerFits.
inline Workspace<int16_t> Int8ForwardWorkspace(const StepView& step) {
  constexpr uint32_t kWorkspace = arguments::fully_connected_int8::forward::kWorkspace;
  return {step.data<int16_t>(kWorkspace), Elements(step.value(kWorkspace))};
}

/// Rows of the gradient of an integer parameter: into its buffer with accumulation, else into the integers.
class Int8Sink {
 public:
  /// `unit`: what a gradient of 1 is in real numbers.
  Int8Sink(const BackwardContext& context, uint16_t parameter, float unit);

  /// Rows are added to a buffer.
  bool accumulates() const { return buffer_ != nullptr; }
  /// The gradient of elements at, at + step, ... of a channel is whole.
  void End(uint32_t at, uint32_t channel, const float* gradient, uint32_t n, uint32_t step = 1) const;
  /// That of n weights of a neuron is error * inputs, as ProductGradient has them. Not where it accumulates.
  void EndProducts(uint32_t at, uint32_t channel, float error, const int16_t* inputs, uint32_t n) const {
    parameter_.Run(at, channel, inputs, n, rate_ * error);
  }

 private:
  const IntegerParameter parameter_;
  const float rate_;     // of what is added, or the step in real numbers for a gradient of 1
  float* const buffer_;  // null where nothing accumulates
};

/// How the backward steps of int8 layers begin: masks and selects among the `elements` errors, and clears dx. `y`: the
/// output, as many elements.
Selection BeginInt8Backward(const StepView& step, const BackwardContext& context, const Int8Words& words,
                            const int8_t* y, uint32_t elements);

/// The gradient of biases: a channel's selected errors are summed before the bias is touched.
template <class Locator>
void Int8BiasGradient(const BackwardContext& context, const Selection& selection, const float* dy, uint32_t elements,
                      const Locator& map) {
  if (context.bias_target == nullptr) return;
  const Int8Sink sink(context, context.layer->bias, 1.0f);
  const auto channels = static_cast<uint32_t>(map.channels());
  for (uint32_t channel = 0; channel < channels; ++channel) {
    float sum = 0.0f;
    if constexpr (kFastKernels) {  // what is not selected is 0
      for (uint32_t element = channel; element < elements; element += channels) sum += dy[element];
    } else {
      Locator locator = map;
      ForEachSelected(selection, dy, elements, {channel, 1, channels}, [&](uint32_t element) {
        if (locator.MoveTo(element)) sum += dy[element];
      });
    }
    if (sum != 0.0f) sink.End(channel, channel, &sum, 1);
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_INT8_LAYER_H_
