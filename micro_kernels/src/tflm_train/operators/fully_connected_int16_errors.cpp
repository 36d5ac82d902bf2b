#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/dense_shape.h"
#include "tflm_train/operators/int16_layer.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::fully_connected_int16_errors;

constexpr Int16Words kInt16Words = {kLow};

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() <= kLow || !Int16LayerFits(step, kInt16Words)) return Status::kPlanInvalid;
  const DenseShape shape = ReadDenseShape(step);
  return PlanStatus(DenseShapeFits(step, shape) && kInt16Words.Fit(step, shape.outputs, shape.outputs, shape.batch) &&
                    Int16ChannelsFit(step, kInt16Words, shape.outputs, shape.inputs));
}

/// Rows of the gradient of the weights, one for each neuron.
void WeightGradient(const DenseShape& shape, const ShiftedIntegers& x, const int16_t* dy, const Selection& selection,
                    const Int16Sink& sink, int32_t* workspace, WorkCounters& work) {
  if (shape.batch != 1 || sink.accumulates()) {
    return s8::DenseWeightGradientRows(shape, x, dy, selection, workspace, work,
                                       [&sink](size_t first, uint32_t channel, const int32_t* row, uint32_t n,
                                               uint32_t) { sink.End(static_cast<uint32_t>(first), channel, row, n); });
  }
  // of one sample: no more than its inputs times an error for each row
  auto* const inputs = reinterpret_cast<int16_t*>(workspace);
  fast::s8::inner::Shift(x.values, shape.inputs, x.zero, inputs);
  for (uint32_t o = 0; o < shape.outputs; ++o) {
    if (!SelectsChannel(selection, dy, shape.outputs, o, shape.outputs)) continue;
    sink.EndProducts(o * shape.inputs, o, dy[o], inputs, shape.inputs);
    Count(work.weight_gradient, shape.inputs);
  }
}

void Backward(const StepView& step, const BackwardContext& context) {
  using namespace int16_layer;
  const FoldedErrors errors = BeginInt16Backward(step, context, kInt16Words);
  if (errors.selection.empty()) return;
  const DenseShape shape = ReadDenseShape(step);
  const auto* const dy = step.data<int16_t>(kDy);
  auto* const workspace = step.data<int32_t>(kWorkspace);
  if (step.Has(kDx)) {
    ErrorRows dx = InputErrorRows(step, kInt16Words, errors);
    s8::DenseInputError(shape, step.data<int8_t>(kW), dy, workspace, dx, *context.work);
  }
  if (context.weight_target != nullptr) {
    const Int16Sink sink(step, context, kInt16Words, context.layer->weight, kInt16Words.x_scale(step), errors.exponent);
    WeightGradient(shape, kInt16Words.Input(step), dy, errors.selection, sink, workspace, *context.work);
  }
  Int16BiasGradient(step, context, kInt16Words, errors, shape.outputs);
  CountUpdates(context, errors.selection, dy, shape.output_elements(), shape.Locator(), shape.inputs);
}

}  // namespace

const OperatorOf<KernelId::kFullyConnectedInt16Errors> kFullyConnectedInt16Errors = {kArguments, Check, nullptr,
                                                                                     Backward};
const OperatorOf<KernelId::kFullyConnectedInt16Errors> kFullyConnectedInt16ErrorsForward = {kArguments, Check, nullptr,
                                                                                            nullptr};

}  // namespace tflm_train
