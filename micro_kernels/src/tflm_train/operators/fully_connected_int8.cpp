#include "tflm_train/kernels/fast/s8/fully_connected.h"
#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/s8/fully_connected.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/dense_shape.h"
#include "tflm_train/operators/int8_layer.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::fully_connected_int8;

constexpr Int8Words kInt8Words = {kLow};

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() <= kFactors || !Int8ArgumentsFit(step)) return Status::kPlanInvalid;
  const DenseShape shape = ReadDenseShape(step);
  return PlanStatus(
      DenseShapeFits(step, shape) &&
      Int8LayerFits(step, kInt8Words, shape.outputs, {fast::s8::FullyConnectedWorkspace(shape.inputs), shape.inputs}));
}

void Forward(const StepView& step, WorkCounters& work) {
  using namespace forward;
  const auto *x = step.data<int8_t>(kX), *w = step.data<int8_t>(kW);
  const auto* bias = step.data<int32_t>(kB);
  auto* const y = step.data<int8_t>(kY);
  const int32_t x_zero = kInt8Words.x_zero(step);
  const OutputStage stage = kInt8Words.Stage(step);
  if constexpr (kFastKernels) {
    fast::s8::FullyConnectedForward(ReadDenseShape(step), x_zero, x, w, bias, stage, y, Int8ForwardWorkspace(step),
                                    work.forward);
  } else {
    s8::FullyConnectedForward(ReadDenseShape(step), x_zero, x, w, bias, stage, y, work);
  }
}

/// Rows of the gradient of the weights, one for each neuron.
void WeightGradient(const DenseShape& shape, const ShiftedInput& x, const float* dy, const Selection& selection,
                    const Int8Sink& sink, float* row, WorkCounters& work) {
  const uint32_t elements = shape.output_elements();
  for (uint32_t o = 0; o < shape.outputs; ++o) {
    if (!SelectsChannel(selection, dy, elements, o, shape.outputs)) continue;
    Fill(0.0f, row, shape.inputs);
    ForEachSelected(selection, dy, elements, {o, 1, shape.outputs}, [&](uint32_t element) {
      Axpy(dy[element], x + size_t{element / shape.outputs} * shape.inputs, row, shape.inputs);
      Count(work.weight_gradient, shape.inputs);
    });
    sink.End(o * shape.inputs, o, row, shape.inputs);
  }
}

/// The same of one sample: the gradient is no more than its inputs times an error for each row.
void OneSampleGradient(const DenseShape& shape, const ShiftedInput& x, const float* dy, const Selection& selection,
                       const Int8Sink& sink, int16_t* inputs, WorkCounters& work) {
  fast::s8::inner::Shift(x.values, shape.inputs, x.zero, inputs);
  for (uint32_t o = 0; o < shape.outputs; ++o) {
    if (!SelectsChannel(selection, dy, shape.outputs, o, shape.outputs)) continue;
    sink.EndProducts(o * shape.inputs, o, dy[o], inputs, shape.inputs);
    Count(work.weight_gradient, shape.inputs);
  }
}

void Backward(const StepView& step, const BackwardContext& context) {
  using namespace backward;
  const DenseShape shape = ReadDenseShape(step);
  const uint32_t elements = shape.output_elements();
  const Selection selection = BeginInt8Backward(step, context, kInt8Words, step.data<int8_t>(kY), elements);
  if (selection.empty()) return;
  const auto* dy = step.data<float>(kDy);
  if (auto* dx = step.data<float>(kDx)) {
    const ScaledWeights w = kInt8Words.Weights(step, step.data<int8_t>(kW));
    if constexpr (kFastKernels) {
      fast::s8::FullyConnectedInputError(shape, w, dy, selection, dx, context.work->input_error);
    } else {
      FullyConnected::InputError(shape, w, dy, selection, dx, *context.work);
    }
  }
  if (context.weight_target != nullptr) {
    const Int8Sink sink(context, context.layer->weight, kInt8Words.x_scale(step));
    const ShiftedInput x = kInt8Words.Input(step, step.data<int8_t>(kX));
    if (shape.batch == 1 && !sink.accumulates()) {
      OneSampleGradient(shape, x, dy, selection, sink, step.data<int16_t>(kWorkspace), *context.work);
    } else {
      WeightGradient(shape, x, dy, selection, sink, step.data<float>(kWorkspace), *context.work);
    }
  }
  Int8BiasGradient(context, selection, dy, elements, shape.Locator());
  CountUpdates(context, selection, dy, elements, shape.Locator(), shape.inputs);
}

}  // namespace

const OperatorOf<KernelId::kFullyConnectedInt8> kFullyConnectedInt8 = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kFullyConnectedInt8> kFullyConnectedInt8Forward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
