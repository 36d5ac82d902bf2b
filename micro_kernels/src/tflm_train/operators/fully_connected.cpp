#include "tflm_train/kernels/fast/fully_connected.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/dense_shape.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::fully_connected;

/// Of a layer that trains, the number of its biases.
int32_t LastDim(const ValueRecord& value) { return value.dims[value.rank - 1]; }

/// `one_pass`: that the weights train in place is what the verifier asks.
template <bool one_pass>
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != kWords || !LayerArgumentsFit(step, kDenseNeeds)) return Status::kPlanInvalid;
  const DenseShape shape = ReadDenseShape(step);
  if (one_pass && IsBackward(step) && shape.batch != 1) return Status::kMissingOperator;
  return PlanStatus(DenseShapeFits(step, shape) &&
                    (step.record().layer == kNoneIndex || LastDim(LayerOutput(step)) == step.word(kOutputs)) &&
                    LayerChannelsFit(step, step.word(kOutputs), kActivation));
}

void Forward(const StepView& step, WorkCounters& work) {
  using namespace layer_forward;
  const DenseShape shape = ReadDenseShape(step);
  const Activation activation = ActivationWord(step, kActivation);
  const float* x = step.data<float>(kX);
  const float* w = step.data<float>(kW);
  const float* bias = step.data<float>(kB);
  float* y = step.data<float>(kY);
  if constexpr (kFastKernels) {
    fast::FullyConnectedForward(shape, activation, x, w, bias, y, work.forward);
  } else {
    FullyConnected::Forward(shape, x, w, bias, activation, y, work);
  }
}

template <bool one_pass>
void Backward(const StepView& step, const BackwardContext& context) {
  using namespace layer_backward;
  const DenseShape shape = ReadDenseShape(step);
  const uint32_t elements = shape.output_elements();
  const Selection selection = BeginLayerBackward(step, context, ActivationWord(step, kActivation), elements);
  if (selection.empty()) return;
  const float *x = step.data<float>(kX), *w = step.data<float>(kW), *dy = step.data<float>(kDy);
  float *target = context.weight_target, *bias_target = context.bias_target, *dx = step.data<float>(kDx);
  const RowSink<float>& sink = context.sink;
  WorkCounters& work = *context.work;
  if constexpr (kFastKernels) {
    fast::FullyConnectedBackward<one_pass>(shape, selection, dy, x, w, sink, target, bias_target, dx, work);
  } else {
    if (dx != nullptr && target == w && shape.batch == 1 && sink.rule == nullptr) {
      FullyConnected::BackwardRows(shape, x, target, dy, selection, sink.scale, dx, work);
    } else {
      if (dx != nullptr) FullyConnected::InputError(shape, w, dy, selection, dx, work);
      if (target != nullptr) FullyConnected::WeightGradient(shape, x, dy, selection, sink, target, work);
    }
    if (bias_target != nullptr) BiasGradient(selection, dy, elements, shape.Locator(), sink, bias_target);
  }
  CountUpdates(context, selection, dy, elements, shape.Locator(), shape.inputs);
}

}  // namespace

const OperatorOf<KernelId::kFullyConnected> kFullyConnected = {kArguments, Check<false>, Forward, Backward<false>};
const OperatorOf<KernelId::kFullyConnected> kFullyConnectedForward = {kArguments, Check<false>, Forward, nullptr};
const OperatorOf<KernelId::kFullyConnected> kFullyConnectedOnePass = {kArguments, Check<true>, Forward, Backward<true>,
                                                                      true};

}  // namespace tflm_train
