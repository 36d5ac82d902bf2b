#include "tflm_train/operators/fully_connected.h"

#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/operators/layer.h"

namespace tflm_train {
namespace {

DenseShape Shape(const StepView& step) {
  const ValueRecord& w = step.value(layer_forward::kW);
  DenseShape shape;
  shape.inputs = static_cast<uint32_t>(w.dims[1]);
  shape.outputs = static_cast<uint32_t>(w.dims[0]);
  shape.batch = Elements(LayerInput(step)) / shape.inputs;
  return shape;
}

Status Check(const StepView& step) {
  if (step.word_count() != 1 || !LayerArgumentsFit(step, false)) return Status::kPlanInvalid;
  const ValueRecord& w = step.value(layer_forward::kW);
  if (w.rank != 2) return Status::kPlanInvalid;
  const DenseShape shape = Shape(step);
  if (uint64_t{shape.batch} * shape.inputs != Elements(LayerInput(step)) ||
      uint64_t{shape.batch} * shape.outputs != Elements(LayerOutput(step))) {
    return Status::kPlanInvalid;
  }
  return PlanStatus(LayerChannelsFit(step, w.dims[0], 0));
}

void Forward(const StepView& step, WorkCounters& work) {
  using namespace layer_forward;
  FullyConnected::Forward<float>(Shape(step), step.data<float>(kX), step.data<float>(kW), step.data<float>(kBias),
                                 ActivationWord(step, 0), step.data<float>(kY), work);
}

struct Layer {
  DenseShape shape;

  uint32_t elements() const { return shape.output_elements(); }
  DirectLocator locator() const { return shape.Locator(); }
  uint32_t weights_per_channel() const { return shape.inputs; }
  void Backward(const Selection& selection, const float* x, const float* w, const float* dy, float scale, float* target,
                float* dx, WorkCounters& work) const {
    if (dx != nullptr && target == w && shape.batch == 1) {
      FullyConnected::BackwardRows(shape, x, target, dy, selection, scale, dx, work);
      return;
    }
    if (dx != nullptr) FullyConnected::InputError(shape, w, dy, selection, dx, work);
    if (target != nullptr) FullyConnected::WeightGradient(shape, x, dy, selection, scale, target, work);
  }
};

void Backward(const StepView& step, const BackwardContext& context) {
  RunLayerBackward(step, context, ActivationWord(step, 0), Layer{Shape(step)});
}

}  // namespace

const Operator kFullyConnected = {KernelId::kFullyConnected, "FULLY_CONNECTED", Check, Forward, Backward};
const Operator kFullyConnectedForward = {KernelId::kFullyConnected, "FULLY_CONNECTED", Check, Forward, nullptr};

}  // namespace tflm_train
