#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/int16_layer.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::fully_connected_int16_errors;

constexpr Int16Words kInt16Words = {kLow};

DenseShape Shape(const StepView& step) {
  return {static_cast<uint32_t>(step.word(kBatch)), static_cast<uint32_t>(step.word(kInputs)),
          static_cast<uint32_t>(step.word(kOutputs))};
}

TFLM_TRAIN_COLD bool IsProduct(uint32_t product, uint32_t a, uint32_t b) {
  return a > 0 && product % a == 0 && product / a == b;
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() <= kLow || !Int16LayerFits(step, kInt16Words)) return Status::kPlanInvalid;
  const ValueRecord& w = step.value(int16_layer::kW);
  const DenseShape shape = Shape(step);
  return PlanStatus(w.rank == 2 && w.dims[0] == step.word(kOutputs) && w.dims[1] == step.word(kInputs) &&
                    IsProduct(CheckedElements(LayerInput(step)), shape.inputs, shape.batch) &&
                    IsProduct(CheckedElements(LayerOutput(step)), shape.outputs, shape.batch) &&
                    kInt16Words.Fit(step, shape.outputs, shape.outputs, shape.batch) &&
                    Int16ChannelsFit(step, kInt16Words, shape.outputs, shape.inputs));
}

void Backward(const StepView& step, const BackwardContext& context) {
  using namespace int16_layer;
  const FoldedErrors errors = BeginInt16Backward(step, context, kInt16Words);
  if (errors.selection.empty()) return;
  const DenseShape shape = Shape(step);
  const auto* const dy = step.data<int16_t>(kDy);
  auto* const workspace = step.data<int32_t>(kWorkspace);
  if (step.Has(kDx)) {
    ErrorRows dx = InputErrorRows(step, kInt16Words, errors);
    s8::DenseInputError(shape, step.data<int8_t>(kW), dy, workspace, dx, *context.work);
  }
  if (context.weight_target != nullptr) {
    const Int16Sink sink(step, context, kInt16Words, context.layer->weight, kInt16Words.x_scale(step), errors.exponent);
    s8::DenseWeightGradientRows(shape, kInt16Words.Input(step), dy, errors.selection, workspace, *context.work,
                                [&sink](size_t first, uint32_t channel, const int32_t* row, uint32_t n, uint32_t) {
                                  sink.End(static_cast<uint32_t>(first), channel, row, n);
                                });
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
