#include "tflm_train/kernels/move.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using namespace arguments::concatenation;

// forward (y, x0, x1, ...), backward (dy, dx0?, dx1?, ...); words: axis, then the size of each part along it, because
// parts without an error are absent.
constexpr uint32_t kWhole = 0, kFirstPart = 1;

int32_t PartSize(const StepView& step, uint32_t part) { return step.word(1 + part); }

/// The shape is that of the whole but for its size along the axis.
bool PartFits(const ValueRecord& part, const ValueRecord& whole, int32_t axis, int32_t size) {
  if (part.rank != whole.rank) return false;
  for (int32_t i = 0; i < whole.rank; ++i) {
    if (part.dims[i] != (i == axis ? size : whole.dims[i])) return false;
  }
  return true;
}

TFLM_TRAIN_COLD Status Check(const StepView& step) {
  if (step.size() <= kFirstPart || step.word_count() != step.size()) return Status::kPlanInvalid;
  const bool backward = step.phase() == Phase::kBackward;
  if (!(backward ? IsFloat(step, kWhole) : IsFloatOutput(step, kWhole))) return Status::kPlanInvalid;
  const ValueRecord& whole = step.value(kWhole);
  const int32_t axis = step.word(0);
  if (axis < 0 || axis >= whole.rank) return Status::kPlanInvalid;
  int64_t sum = 0;
  for (uint32_t part = 0; part + kFirstPart < step.size(); ++part) {
    const uint32_t argument = part + kFirstPart;
    const int32_t size = PartSize(step, part);
    if (size < 1) return Status::kPlanInvalid;
    sum += size;
    if (!step.Has(argument) && backward) continue;
    if (!(backward ? IsFloatOutput(step, argument) : IsFloat(step, argument)) ||
        !PartFits(step.value(argument), whole, axis, size)) {
      return Status::kPlanInvalid;
    }
  }
  return PlanStatus(sum == whole.dims[axis]);
}

/// Calls visit(argument, place in the whole) for each part that is there.
template <class Visit>
void ForEachPart(const StepView& step, Visit visit) {
  const ValueRecord& whole = step.value(kWhole);
  const int32_t axis = step.word(0);
  uint32_t outer = 1, inner = 1;
  for (int32_t i = 0; i < axis; ++i) outer *= static_cast<uint32_t>(whole.dims[i]);
  for (int32_t i = axis + 1; i < whole.rank; ++i) inner *= static_cast<uint32_t>(whole.dims[i]);
  ConcatenationPart place = {outer, 0, static_cast<uint32_t>(whole.dims[axis]) * inner, 0};
  for (uint32_t part = 0; part + kFirstPart < step.size(); ++part) {
    place.block = static_cast<uint32_t>(PartSize(step, part)) * inner;
    if (step.Has(part + kFirstPart)) visit(part + kFirstPart, place);
    place.offset += place.block;
  }
}

void Forward(const StepView& step, WorkCounters&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    ConcatenationForward<float>(place, step.data<float>(argument), step.data<float>(kWhole));
  });
}

void Backward(const StepView& step, const BackwardContext&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    ConcatenationBackward<float>(place, step.data<float>(kWhole), step.accumulates(argument - kFirstPart),
                                 step.data<float>(argument));
  });
}

}  // namespace

const OperatorOf<KernelId::kConcatenation> kConcatenation = {kArguments, Check, Forward, Backward};
const OperatorOf<KernelId::kConcatenation> kConcatenationForward = {kArguments, Check, Forward, nullptr};

}  // namespace tflm_train
