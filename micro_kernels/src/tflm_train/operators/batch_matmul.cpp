#include "tflm_train/kernels/batch_matmul.h"

#include "tflm_train/kernels/inner.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::batch_matmul;
using namespace backward;

/// Of the last two dimensions, as the operand is stored.
int32_t Rows(const ValueRecord& value) { return value.dims[value.rank - 2]; }
int32_t Columns(const ValueRecord& value) { return value.dims[value.rank - 1]; }

/// The dimensions in front of the matrices; [1] if there are none.
ValueRecord Batches(const ValueRecord& value) {
  ValueRecord batches = value;
  if (value.rank == 2) batches.dims[0] = 1;
  batches.rank = value.rank == 2 ? uint8_t{1} : static_cast<uint8_t>(value.rank - 2);
  return batches;
}

MatMulShape Shape(const StepView& step, const ValueRecord& a, const ValueRecord& y) {
  const bool transposed = step.word(kTransposedA) != 0;
  return {static_cast<uint32_t>(Rows(y)), static_cast<uint32_t>(Columns(y)),
          static_cast<uint32_t>(transposed ? Rows(a) : Columns(a)), transposed, step.word(kTransposedB) != 0};
}

TFLM_TRAIN_COLD bool OperandFits(const ValueRecord& value, bool transposed, int32_t rows, int32_t columns,
                                 const ValueRecord& y) {
  return value.rank >= 2 && Rows(value) == (transposed ? columns : rows) &&
         Columns(value) == (transposed ? rows : columns) && BroadcastsTo(Batches(value), Batches(y));
}

TFLM_TRAIN_COLD bool MatricesFit(const StepView& step, const ValueRecord& a, const ValueRecord& b,
                                 const ValueRecord& y) {
  if (a.rank < 2 || y.rank < 2) return false;
  const auto inner = static_cast<int32_t>(Shape(step, a, y).inner);
  return OperandFits(a, step.word(kTransposedA) != 0, Rows(y), inner, y) &&
         OperandFits(b, step.word(kTransposedB) != 0, inner, Columns(y), y);
}

/// The error of an operand is there with the other operand, and each error has its operand's shape.
TFLM_TRAIN_COLD bool BackwardFits(const StepView& step) {
  constexpr uint32_t kNeeds =
      Needs(need::kFloatIfAny, need::kFloatIfAny, need::kOutput, need::kOutputIfAny, need::kOutputIfAny);
  if (!ArgumentsFit(step, kCount, kNeeds) || (step.Has(kDa) && !step.Has(kB)) || (step.Has(kDb) && !step.Has(kA)) ||
      (!step.Has(kDa) && !step.Has(kDb))) {
    return false;
  }
  const ValueRecord& a = step.value(step.Has(kDa) ? kDa : kA);
  const ValueRecord& b = step.value(step.Has(kDb) ? kDb : kB);
  return MatricesFit(step, a, b, step.value(kDy)) && (!step.Has(kA) || SameShape(step.value(kA), a)) &&
         (!step.Has(kB) || SameShape(step.value(kB), b));
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.word_count() != kWords || ((step.word(kTransposedA) | step.word(kTransposedB)) & ~1) != 0) {
    return Status::kPlanInvalid;
  }
  if (step.phase() == Phase::kBackward) return PlanStatus(BackwardFits(step));
  return PlanStatus(ArgumentsFit(step, forward::kCount, Needs(need::kFloat, need::kFloat, need::kOutput)) &&
                    MatricesFit(step, step.value(forward::kA), step.value(forward::kB), step.value(forward::kY)));
}

StridedWalk BatchWalk(const ValueRecord& a, const ValueRecord& b, const ValueRecord& y) {
  return BroadcastWalk(DimsOf(Batches(y)), DimsOf(Batches(a)), DimsOf(Batches(b)));
}

void Forward(const StepView& step, WorkCounters& work) {
  const ValueRecord &a = step.value(forward::kA), &b = step.value(forward::kB), &y = step.value(forward::kY);
  BatchMatMulForward<float>(Shape(step, a, y), BatchWalk(a, b, y), step.data<float>(forward::kA),
                            step.data<float>(forward::kB), step.data<float>(forward::kY), work);
}

void Backward(const StepView& step, const BackwardContext& context) {
  const ValueRecord& a = step.value(step.Has(kDa) ? kDa : kA);
  const ValueRecord& b = step.value(step.Has(kDb) ? kDb : kB);
  const ValueRecord& dy = step.value(kDy);
  const MatMulShape shape = Shape(step, a, dy);
  const StridedWalk batches = BatchWalk(a, b, dy);
  const float* error = step.data<float>(kDy);
  for (uint32_t operand = 0; operand < 2; ++operand) {
    float* target = step.data<float>(kDa + operand);
    if (target == nullptr) continue;
    if (!step.accumulates(operand)) Fill(0.0f, target, FloatElements(step.value(kDa + operand)));
    if (operand == 0) {
      BatchMatMulErrorOfA<float>(shape, batches, step.data<float>(kB), error, target, *context.work);
    } else {
      BatchMatMulErrorOfB<float>(shape, batches, step.data<float>(kA), error, target, *context.work);
    }
  }
}

}  // namespace

const OperatorOf<KernelId::kBatchMatmul> kBatchMatmul = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kBatchMatmul> kBatchMatmulForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
