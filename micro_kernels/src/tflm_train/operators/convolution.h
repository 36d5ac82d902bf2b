// The four convolution operators: CONV_2D and DEPTHWISE_CONV_2D, alone or fused with the max-pool behind them.
#ifndef TFLM_TRAIN_OPERATORS_CONVOLUTION_H_
#define TFLM_TRAIN_OPERATORS_CONVOLUTION_H_

#include "tflm_train/kernels/conv_forward.h"
#include "tflm_train/operators/layer.h"
#include "tflm_train/operators/pool.h"

namespace tflm_train {

/// The numbers of a convolution's step. `pool`: *_MAX_POOL only.
struct ConvolutionStep {
  ConvShape conv;
  PoolShape pool;
  Activation activation;
};

/// Call after CheckConvolution.
ConvolutionStep ReadConvolution(const StepView& step, bool depthwise, bool pooled);
Status CheckConvolution(const StepView& step, bool depthwise, bool pooled);

/// `Conv`: Conv2d or DepthwiseConv2d.
template <class Conv, bool kPooled>
struct ConvolutionOperator {
  static Status Check(const StepView& step) { return CheckConvolution(step, Conv::kDepthwise, kPooled); }

  static void Forward(const StepView& step, WorkCounters& work) {
    using namespace layer_forward;
    const ConvolutionStep numbers = ReadConvolution(step, Conv::kDepthwise, kPooled);
    const float* x = step.data<float>(kX);
    const float* w = step.data<float>(kW);
    const float* bias = step.data<float>(kBias);
    float* y = step.data<float>(kY);
    if constexpr (kPooled) {
      uint8_t* argmax = step.data<uint8_t>(kArgmax);
      ConvMaxPoolForward<Conv>(numbers.conv, numbers.pool, x, w, bias, numbers.activation, y, argmax, work);
    } else {
      ConvForward<Conv>(numbers.conv, x, w, bias, numbers.activation, y, work);
    }
  }

  template <class Locator>
  struct Layer {
    const ConvShape& shape;
    uint32_t error_elements;
    Locator where;

    uint32_t elements() const { return error_elements; }
    Locator locator() const { return where; }
    uint32_t weights_per_channel() const { return Conv::WeightsPerChannel(shape); }
    void Backward(const Selection& selection, const float* x, const float* w, const float* dy, float scale,
                  float* target, float* dx, WorkCounters& work) const {
      if (dx != nullptr) Conv::InputError(shape, w, dy, error_elements, selection, where, dx, work);
      if (target != nullptr) Conv::WeightGradient(shape, x, dy, error_elements, selection, where, scale, target, work);
    }
  };

  static void Backward(const StepView& step, const BackwardContext& context) {
    const ConvolutionStep numbers = ReadConvolution(step, Conv::kDepthwise, kPooled);
    const uint32_t elements = Elements(step.value(layer_backward::kDy));
    if constexpr (kPooled) {
      const PooledLocator locator(numbers.pool, step.data<uint8_t>(layer_backward::kArgmax));
      RunLayerBackward(step, context, numbers.activation, Layer<PooledLocator>{numbers.conv, elements, locator});
    } else {
      const DirectLocator locator(numbers.conv.out_w, numbers.conv.out_c);
      RunLayerBackward(step, context, numbers.activation, Layer<DirectLocator>{numbers.conv, elements, locator});
    }
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_CONVOLUTION_H_
