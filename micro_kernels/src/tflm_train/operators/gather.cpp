#include "tflm_train/kernels/gather.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::gather;

constexpr uint32_t kIndices = forward::kX, kTable = forward::kW, kRows = forward::kY;
static_assert(uint32_t{backward::kX} == kIndices && uint32_t{backward::kW} == kTable &&
                  uint32_t{backward::kDy} == kRows,
              "a backward step has the same arguments");

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.size() != forward::kCount || step.word_count() != 0 || !IsValue(step, kIndices, ScalarType::kInt32) ||
      !IsFloat(step, kTable) || !IsFloatOutput(step, kRows)) {
    return Status::kPlanInvalid;
  }
  const ValueRecord& table = step.value(kTable);
  const uint32_t columns = CheckedElements(table) / static_cast<uint32_t>(table.dims[0]);
  return PlanStatus(uint64_t{CheckedElements(step.value(kIndices))} * columns == CheckedElements(step.value(kRows)));
}

GatherShape Shape(const StepView& step) {
  const ValueRecord& table = step.value(kTable);
  const auto rows = static_cast<uint32_t>(table.dims[0]);
  return {Elements(step.value(kIndices)), rows, FloatElements(table) / rows};
}

void Forward(const StepView& step, WorkCounters&) {
  GatherForward<float>(Shape(step), step.data<int32_t>(kIndices), step.data<float>(kTable), step.data<float>(kRows));
}

void Backward(const StepView& step, const BackwardContext& context) {
  if (context.weight_target == nullptr) return;
  const GatherShape shape = Shape(step);
  const uint32_t rows = GatherTableGradient<float>(shape, step.data<int32_t>(kIndices), step.data<float>(kRows),
                                                   context.sink, context.weight_target);
  Count(context.work->update, uint64_t{rows} * shape.columns);
}

}  // namespace

const OperatorOf<KernelId::kGather> kGather = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kGather> kGatherForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
