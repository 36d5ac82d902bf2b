#include "tflm_train/operators/fully_connected.h"

#include "tflm_train/kernels/fast/fully_connected.h"
#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/operators/layer.h"

namespace tflm_train {
namespace {

enum Word : uint32_t { kBatch, kInputs, kOutputs, kActivation, kWords };

DenseShape Shape(const StepView& step) {
  return {static_cast<uint32_t>(step.word(kBatch)), static_cast<uint32_t>(step.word(kInputs)),
          static_cast<uint32_t>(step.word(kOutputs))};
}

TFLM_TRAIN_COLD bool IsProduct(uint32_t product, uint32_t a, uint32_t b) {
  return a > 0 && product % a == 0 && product / a == b;
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != kWords || !LayerArgumentsFit(step, false)) return Status::kPlanInvalid;
  const ValueRecord& w = step.value(layer_forward::kW);
  const DenseShape shape = Shape(step);
  return PlanStatus(w.rank == 2 && w.dims[0] == step.word(kOutputs) && w.dims[1] == step.word(kInputs) &&
                    IsProduct(CheckedElements(LayerInput(step)), shape.inputs, shape.batch) &&
                    IsProduct(CheckedElements(LayerOutput(step)), shape.outputs, shape.batch) &&
                    LayerChannelsFit(step, w.dims[0], kActivation));
}

void Forward(const StepView& step, WorkCounters& work) {
  using namespace layer_forward;
  const DenseShape shape = Shape(step);
  const Activation activation = ActivationWord(step, kActivation);
  const float* x = step.data<float>(kX);
  const float* w = step.data<float>(kW);
  const float* bias = step.data<float>(kBias);
  float* y = step.data<float>(kY);
  if constexpr (kFastKernels) {
    fast::FullyConnectedForward(shape, activation, x, w, bias, y, work.forward);
  } else {
    FullyConnected::Forward(shape, x, w, bias, activation, y, work);
  }
}

struct Layer {
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
  RunLayerBackward(step, context, ActivationWord(step, kActivation), Layer{Shape(step)});
}

}  // namespace

const Operator kFullyConnected = {KernelId::kFullyConnected, KernelArguments::Layer(), Check, Forward, Backward};
const Operator kFullyConnectedForward = {KernelId::kFullyConnected, KernelArguments::Layer(), Check, Forward, nullptr};

}  // namespace tflm_train
