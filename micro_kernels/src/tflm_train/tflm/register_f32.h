// The library's float32 kernels as TFLM registrations:
//   resolver.AddConv2D(tflm_train::Register_CONV_2D_F32());
#ifndef TFLM_TRAIN_TFLM_REGISTER_F32_H_
#define TFLM_TRAIN_TFLM_REGISTER_F32_H_

#include "tensorflow/lite/c/builtin_op_data.h"
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_log.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/tflm/node_step.h"
#include "tflm_train/tflm/tflm_types.h"

namespace tflm_train {
namespace register_f32 {

/// Padding in front of the image; TensorFlow's SAME puts the odd row or column behind.
inline int32_t PadBefore(TfLitePadding padding, int32_t in, int32_t out, int32_t filter, int32_t stride,
                         int32_t dilation) {
  if (padding != kTfLitePaddingSame) return 0;
  const int32_t total = (out - 1) * stride + (filter - 1) * dilation + 1 - in;
  return total > 0 ? total / 2 : 0;
}

template <class Params>
void AddConvWords(const Params& params, NodeStep* step) {
  const int32_t* x = step->value(NodeStep::kInput).dims;
  const int32_t* w = step->value(NodeStep::kWeight).dims;
  const int32_t* y = step->value(NodeStep::kOutput).dims;
  step->AddWord(params.stride_height);
  step->AddWord(params.stride_width);
  step->AddWord(params.dilation_height_factor);
  step->AddWord(params.dilation_width_factor);
  step->AddWord(PadBefore(params.padding, x[1], y[1], w[1], params.stride_height, params.dilation_height_factor));
  step->AddWord(PadBefore(params.padding, x[2], y[2], w[2], params.stride_width, params.dilation_width_factor));
  step->AddWord(static_cast<int32_t>(params.activation));
}

struct Conv2d {
  static constexpr const char* kName = "CONV_2D";
  static constexpr uint16_t kArguments = arguments::conv_2d::forward::kCount;
  static const Operator& Kernel() { return kConv2dForward; }
  static void AddWords(const TfLiteNode& node, NodeStep* step) {
    AddConvWords(*static_cast<const TfLiteConvParams*>(node.builtin_data), step);
  }
};

struct DepthwiseConv2d {
  static constexpr const char* kName = "DEPTHWISE_CONV_2D";
  static constexpr uint16_t kArguments = arguments::depthwise_conv_2d::forward::kCount;
  static const Operator& Kernel() { return kDepthwiseConv2dForward; }
  static void AddWords(const TfLiteNode& node, NodeStep* step) {
    AddConvWords(*static_cast<const TfLiteDepthwiseConvParams*>(node.builtin_data), step);
    const int32_t in_channels = step->value(NodeStep::kInput).dims[3];
    step->AddWord(in_channels > 0 ? step->value(NodeStep::kOutput).dims[3] / in_channels : 0);
  }
};

struct FullyConnected {
  static constexpr const char* kName = "FULLY_CONNECTED";
  static constexpr uint16_t kArguments = arguments::fully_connected::forward::kCount;
  static const Operator& Kernel() { return kFullyConnectedForward; }
  static void AddWords(const TfLiteNode& node, NodeStep* step) {
    const int32_t* w = step->value(NodeStep::kWeight).dims;
    const auto elements = static_cast<int32_t>(FloatElements(step->value(NodeStep::kInput)));
    step->AddWord(w[1] > 0 ? elements / w[1] : 0);
    step->AddWord(w[1]);
    step->AddWord(w[0]);
    step->AddWord(static_cast<int32_t>(static_cast<const TfLiteFullyConnectedParams*>(node.builtin_data)->activation));
  }
};

template <class Layer>
bool Read(TfLiteContext* context, const TfLiteNode* node, NodeStep* step) {
  if (!step->Read(context, node, Layer::Kernel().kernel, Layer::kArguments)) return false;
  Layer::AddWords(*node, step);
  return true;
}

template <class Layer>
TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
  NodeStep step;
  if (!Read<Layer>(context, node, &step) || Layer::Kernel().check(step.View()) != Status::kOk) {
    MicroPrintf("%s: shapes or types that the float32 kernel of tflm-train does not take; register TFLM's own.",
                Layer::kName);
    return kTfLiteError;
  }
  return kTfLiteOk;
}

template <class Layer>
TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
  NodeStep step;
  if (!Read<Layer>(context, node, &step)) return kTfLiteError;
  WorkCounters unused = {};
  Layer::Kernel().forward(step.View(), unused);
  return kTfLiteOk;
}

template <class Layer>
TflmRegistration Register() {
  TflmRegistration registration = {};
  registration.prepare = Prepare<Layer>;
  registration.invoke = Invoke<Layer>;
  return registration;
}

}  // namespace register_f32

inline TflmRegistration Register_CONV_2D_F32() { return register_f32::Register<register_f32::Conv2d>(); }
inline TflmRegistration Register_DEPTHWISE_CONV_2D_F32() {
  return register_f32::Register<register_f32::DepthwiseConv2d>();
}
inline TflmRegistration Register_FULLY_CONNECTED_F32() {
  return register_f32::Register<register_f32::FullyConnected>();
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TFLM_REGISTER_F32_H_
