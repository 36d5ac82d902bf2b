// CONCATENATION (PACK) and SPLIT (SPLIT_V, UNPACK): a whole and its parts along one axis.
#include <type_traits>

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

template <class T>
TFLM_TRAIN_COLD bool ArgumentFits(const StepView& step, uint32_t argument, bool written) {
  if (std::is_same_v<T, int8_t> && step.phase() != Phase::kBackward) {
    return IsValue(step, argument, ScalarType::kInt8) && (!written || IsInArena(step.value(argument)));
  }
  return written ? IsFloatOutput(step, argument) : IsFloat(step, argument);
}

template <class T>
TFLM_TRAIN_COLD bool PartsFit(const StepView& step, bool written) {
  const uint64_t outer = static_cast<uint32_t>(step.word(kOuter));
  uint64_t sum = 0;
  for (uint32_t part = 0; part + kFirstPart < step.size(); ++part) {
    const uint32_t argument = part + kFirstPart;
    if (step.word(kBlocks + part) < 1) return false;
    sum += Block(step, part);
    if (!step.Has(argument) && step.phase() == Phase::kBackward) continue;
    if (!ArgumentFits<T>(step, argument, written) ||
        CheckedElements(step.value(argument)) != outer * Block(step, part)) {
      return false;
    }
  }
  return CheckedElements(step.value(kWhole)) == outer * sum;
}

template <bool kSplit, class T>
TFLM_TRAIN_COLD Status Check(const StepView& step) {
  const bool writes_parts = kSplit != (step.phase() == Phase::kBackward);
  return PlanStatus(step.size() > kFirstPart && step.word_count() == step.size() &&
                    ArgumentFits<T>(step, kWhole, !writes_parts) && PartsFit<T>(step, writes_parts));
}

/// Calls visit(argument, place in the whole) for each part.
template <class Visit>
void ForEachPart(const StepView& step, Visit visit) {
  const auto outer = static_cast<uint32_t>(step.word(kOuter));
  ConcatenationPart place = {outer, 0, Elements(step.value(kWhole)) / outer, 0};
  for (uint32_t part = 0; part + kFirstPart < step.size(); ++part) {
    place.block = Block(step, part);
    visit(part + kFirstPart, place);
    place.offset += place.block;
  }
}

template <class T>
void Join(const StepView& step, WorkCounters&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    ConcatenationForward<T>(place, step.data<T>(argument), step.data<T>(kWhole));
  });
}

void PutErrorsOfParts(const StepView& step, const BackwardContext&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    float* dx = step.data<float>(argument);
    if (dx == nullptr) return;
    ConcatenationBackward<float>(place, step.data<float>(kWhole), step.accumulates(argument - kFirstPart), dx);
  });
}

template <class T>
void Divide(const StepView& step, WorkCounters&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    SplitForward<T>(place, step.data<T>(kWhole), step.data<T>(argument));
  });
}

void PutErrorOfWhole(const StepView& step, const BackwardContext&) {
  ForEachPart(step, [&step](uint32_t argument, const ConcatenationPart& place) {
    SplitBackward<float>(place, step.data<float>(argument), step.accumulates(0), step.data<float>(kWhole));
  });
}

}  // namespace

const OperatorOf<KernelId::kConcatenation> kConcatenation = {kArguments, Check<false, float>, Join<float>,
                                                             PutErrorsOfParts};
const OperatorOf<KernelId::kConcatenation> kConcatenationForward = {kArguments, Check<false, float>, Join<float>,
                                                                    nullptr};
const OperatorOf<KernelId::kConcatenationInt8> kConcatenationInt8 = {kArguments, Check<false, int8_t>, Join<int8_t>,
                                                                     PutErrorsOfParts};
const OperatorOf<KernelId::kConcatenationInt8> kConcatenationInt8Forward = {kArguments, Check<false, int8_t>,
                                                                            Join<int8_t>, nullptr};
const OperatorOf<KernelId::kSplit> kSplit = {arguments::split::kArguments, Check<true, float>, Divide<float>,
                                             PutErrorOfWhole};
const OperatorOf<KernelId::kSplit> kSplitForward = {arguments::split::kArguments, Check<true, float>, Divide<float>,
                                                    nullptr};
const OperatorOf<KernelId::kSplitInt8> kSplitInt8 = {arguments::split::kArguments, Check<true, int8_t>, Divide<int8_t>,
                                                     PutErrorOfWhole};
const OperatorOf<KernelId::kSplitInt8> kSplitInt8Forward = {arguments::split::kArguments, Check<true, int8_t>,
                                                            Divide<int8_t>, nullptr};

}  // namespace tflm_train
