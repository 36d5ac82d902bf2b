#include "tflm_train/operators/fully_connected.h"

#include "tflm_train/kernels/fast/fully_connected.h"
#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/operators/layer.h"

namespace tflm_train {
namespace {

/// `x`: the layer's input, or its error.
DenseShape Shape(const StepView& step, const ValueRecord& x) {
  const ValueRecord& w = step.value(layer_forward::kW);
  DenseShape shape;
  shape.inputs = static_cast<uint32_t>(w.dims[1]);
  shape.outputs = static_cast<uint32_t>(w.dims[0]);
  const uint32_t elements = FloatElements(x);
  shape.batch = elements == shape.inputs ? 1 : elements / shape.inputs;
  return shape;
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != 1 || !LayerArgumentsFit(step, false)) return Status::kPlanInvalid;
  const ValueRecord& w = step.value(layer_forward::kW);
  if (w.rank != 2) return Status::kPlanInvalid;
  const uint32_t inputs = CheckedElements(LayerInput(step)), outputs = CheckedElements(LayerOutput(step));
  const auto per_input = static_cast<uint32_t>(w.dims[1]), per_output = static_cast<uint32_t>(w.dims[0]);
  return PlanStatus(inputs % per_input == 0 && outputs % per_output == 0 &&
                    inputs / per_input == outputs / per_output && LayerChannelsFit(step, w.dims[0], 0));
}

void Forward(const StepView& step, WorkCounters& work) {
  using namespace layer_forward;
  const DenseShape shape = Shape(step, step.value(kX));
  const Activation activation = ActivationWord(step, 0);
  void* arguments[kY + 1];
  step.Resolve(kY + 1, arguments);
  const float* x = static_cast<float*>(arguments[kX]);
  const float* w = static_cast<float*>(arguments[kW]);
  const float* bias = static_cast<float*>(arguments[kBias]);
  float* y = static_cast<float*>(arguments[kY]);
  if constexpr (kFastKernels) {
    fast::FullyConnectedForward(shape, activation, x, w, bias, y, work.forward);
  } else {
    FullyConnected::Forward(shape, x, w, bias, activation, y, work);
  }
}

struct Layer {
  static constexpr bool kPrunes = false;
  DenseShape shape;

  uint32_t elements() const { return shape.output_elements(); }
  DirectLocator locator() const { return shape.Locator(); }
  uint32_t channels() const { return shape.outputs; }
  uint32_t weights_per_channel() const { return shape.inputs; }
  void Backward(const Selection& selection, const float* x, const float* w, const float* dy, float scale, float* target,
                float* dx, WorkCounters& work) const {
    if constexpr (kFastKernels) {
      fast::FullyConnectedBackward(shape, selection, dy, x, w, scale, target, dx, work);
      return;
    }
    if (dx != nullptr && target == w && shape.batch == 1) {
      FullyConnected::BackwardRows(shape, x, target, dy, selection, scale, dx, work);
      return;
    }
    if (dx != nullptr) FullyConnected::InputError(shape, w, dy, selection, dx, work);
    if (target != nullptr) FullyConnected::WeightGradient(shape, x, dy, selection, scale, target, work);
  }
};

void Backward(const StepView& step, const BackwardContext& context) {
  RunLayerBackward(step, context, ActivationWord(step, 0), Layer{Shape(step, LayerInput(step))});
}

}  // namespace

const Operator kFullyConnected = {KernelId::kFullyConnected, KernelArguments::Layer(), Check, Forward, Backward};
const Operator kFullyConnectedForward = {KernelId::kFullyConnected, KernelArguments::Layer(), Check, Forward, nullptr};

}  // namespace tflm_train
