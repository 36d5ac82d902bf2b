// CONCATENATION (PACK) and SPLIT (SPLIT_V, UNPACK): a whole and its parts along one axis.
#include "tflm_train/kernels/move.h"
#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

// CONCATENATION forward (y, x0, x1, ...), backward (dy, dx0?, dx1?, ...); SPLIT forward (x, y0, y1, ...), backward (dx,
// dy0?, dy1?, ...). The whole consists of `outer` blocks, each of one block per part: parts without an error are
// absent.
using namespace arguments::concatenation;
constexpr uint32_t kWhole = 0, kFirstPart = 1;
static_assert(uint32_t{arguments::split::kOuter} == uint32_t{kOuter});

uint32_t Block(const StepView& step, uint32_t part) { return static_cast<uint32_t>(step.word(kBlocks + part)); }

TFLM_TRAIN_COLD bool ArgumentFits(const StepView& step, uint32_t argument, bool written) {
  return written ? IsFloatOutput(step, argument) : IsFloat(step, argument);
}

TFLM_TRAIN_COLD bool PartsFit(const StepView& step, bool written) {
  const uint64_t outer = static_cast<uint32_t>(step.word(kOuter));
  uint64_t sum = 0;
  for (uint32_t part = 0; part + kFirstPart < step.size(); ++part) {
    const uint32_t argument = part + kFirstPart;
    if (step.word(kBlocks + part) < 1) return false;
    sum += Block(step, part);
    if (!step.Has(argument) && step.phase() == Phase::kBackward) continue;
    if (!ArgumentFits(step, argument, written) || CheckedElements(step.value(argument)) != outer * Block(step, part)) {
      return false;
    }
  }
  return CheckedElements(step.value(kWhole)) == outer * sum;
}

template <bool kSplit>
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  const bool writes_parts = kSplit != (step.phase() == Phase::kBackward);
  return PlanStatus(step.size() > kFirstPart && step.word_count() == step.size() &&
                    ArgumentFits(step, kWhole, !writes_parts) && PartsFit(step, writes_parts));
}

/// Calls visit(argument, place in the whole) for each part.
template <class Visit>
void ForEachPart(const StepView& step, Visit visit) {
  const auto outer = static_cast<uint32_t>(step.word(kOuter));
  ConcatenationPart place = {outer, 0, FloatElements(step.value(kWhole)) / outer, 0};
  for (uint32_t part = 0; part + kFirstPart < step.size(); ++part) {
    place.block = Block(step, part);
    visit(part + kFirstPart, place);
    place.offset += place.block;
  }
}

void Join(const StepView& step, WorkCounters&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    ConcatenationForward<float>(place, step.data<float>(argument), step.data<float>(kWhole));
  });
}

void PutErrorsOfParts(const StepView& step, const BackwardContext&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    float* dx = step.data<float>(argument);
    if (dx == nullptr) return;
    ConcatenationBackward<float>(place, step.data<float>(kWhole), step.accumulates(argument - kFirstPart), dx);
  });
}

void Divide(const StepView& step, WorkCounters&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    ConcatenationBackward<float>(place, step.data<float>(kWhole), false, step.data<float>(argument));
  });
}

void PutErrorOfWhole(const StepView& step, const BackwardContext&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    SplitBackward<float>(place, step.data<float>(argument), step.accumulates(0), step.data<float>(kWhole));
  });
}

}  // namespace

const OperatorOf<KernelId::kConcatenation> kConcatenation = {kArguments, Check<false>, Join, PutErrorsOfParts};
const OperatorOf<KernelId::kConcatenation> kConcatenationForward = {kArguments, Check<false>, Join, nullptr};
const OperatorOf<KernelId::kSplit> kSplit = {arguments::split::kArguments, Check<true>, Divide, PutErrorOfWhole};
const OperatorOf<KernelId::kSplit> kSplitForward = {arguments::split::kArguments, Check<true>, Divide, nullptr};

}  // namespace tflm_train
