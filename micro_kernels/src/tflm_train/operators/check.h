// What operators verify about their steps, once at Init.
#ifndef TFLM_TRAIN_OPERATORS_CHECK_H_
#define TFLM_TRAIN_OPERATORS_CHECK_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/strided.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/plan/step_view.h"
#include "tflm_train/status.h"

namespace tflm_train {

inline Status PlanStatus(bool valid) { return valid ? Status::kOk : Status::kPlanInvalid; }

/// The argument is present, of this type, and no dimension is empty.
TFLM_TRAIN_COLD bool IsValue(const StepView& step, uint32_t argument, ScalarType type);
TFLM_TRAIN_COLD bool IsFloat(const StepView& step, uint32_t argument);
/// A float that the step may change: not the caller's input, not a constant of the file, not a parameter.
TFLM_TRAIN_COLD bool IsFloatOutput(const StepView& step, uint32_t argument);
inline bool IsInArena(const ValueRecord& value) { return static_cast<Place>(value.place) == Place::kArena; }

/// What an argument must be. Outputs may be changed by the step: they lie in the arena.
namespace need {
enum Need : uint32_t {
  kAnything = 0,
  kFloatIfAny = 1,
  kOutputIfAny = 2,   // a float
  kWinnersIfAny = 3,  // bytes, changed forward
  kFloat = 5,
  kOutput = 6,
  kWinners = 7,
};
}  // namespace need
/// One hexadecimal digit per argument, the first one lowest. Further arguments may be anything.
template <class... Rest>
constexpr uint32_t Needs(need::Need first, Rest... rest) {
  if constexpr (sizeof...(rest) == 0) {
    return first;
  } else {
    return first | Needs(rest...) << 4;
  }
}
/// The step has `count` arguments, and they are what is needed.
TFLM_TRAIN_COLD bool ArgumentsFit(const StepView& step, uint32_t count, uint32_t needs);
/// What an argument must be.
struct Expected {
  ScalarType type;
  bool optional = false;
  bool output = false;  // changed by the step: it lies in the arena
};
/// The step has `count` arguments, and they are what is expected.
TFLM_TRAIN_COLD bool ArgumentsAre(const StepView& step, const Expected* expected, uint32_t count);
/// The arguments of a step that moves elements of type T: x, y forward; dy, dx backward.
template <class T>
bool MoveArgumentsFit(const StepView& step) {
  return ArgumentsFit(step, 2, Needs(need::kFloat, need::kOutput));
}
template <>
TFLM_TRAIN_COLD bool MoveArgumentsFit<int8_t>(const StepView& step);
/// The arguments of a function of one value: x, y forward; one saved value, dy, dx backward.
TFLM_TRAIN_COLD bool UnaryArgumentsFit(const StepView& step);

TFLM_TRAIN_COLD bool SameShape(const ValueRecord& a, const ValueRecord& b);
TFLM_TRAIN_COLD bool SameElements(const ValueRecord& a, const ValueRecord& b);
/// Both lie in the arena and share bytes.
TFLM_TRAIN_COLD bool Overlap(const ValueRecord& a, const ValueRecord& b);
/// The argument shares bytes with no other one of the step.
TFLM_TRAIN_COLD bool IsDisjoint(const StepView& step, uint32_t argument);
/// [1, height, width, channels].
TFLM_TRAIN_COLD bool IsImage(const ValueRecord& value);
/// Numpy's rules make `operand` fit into `result`: each dimension is equal or 1.
TFLM_TRAIN_COLD bool BroadcastsTo(const ValueRecord& operand, const ValueRecord& result);

inline bool IsActivation(int32_t word) { return word >= 0 && word <= static_cast<int32_t>(Activation::kRelu6); }
inline Activation ActivationWord(const StepView& step, uint32_t word) {
  return static_cast<Activation>(step.word(word));
}
/// The words at `word` are an activation, and its saved output `y` (shape of the error `dy`) is there if it masks.
TFLM_TRAIN_COLD bool MaskFits(const StepView& step, uint32_t word, uint32_t y, uint32_t dy);

/// A sliding window over one dimension: every position overlaps the image, and no position or tap leaves 31 bits.
TFLM_TRAIN_COLD bool WindowFits(int32_t in, int32_t out, int32_t filter, int32_t stride, int32_t dilation, int32_t pad);

inline Dims DimsOf(const ValueRecord& value) {
  Dims dims = {value.rank, {}};
  for (int32_t i = 0; i < value.rank; ++i) dims.size[i] = value.dims[i];
  return dims;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_CHECK_H_
