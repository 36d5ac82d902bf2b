// Geometry of pooling windows in a step's words.
#ifndef TFLM_TRAIN_OPERATORS_POOL_H_
#define TFLM_TRAIN_OPERATORS_POOL_H_

#include "tflm_train/operators/check.h"

namespace tflm_train {

/// Words of a window: filter_h, filter_w, stride_h, stride_w, pad_top, pad_left.
inline constexpr uint32_t kPoolWords = 6;

/// A window over a map of in_h x in_w, from the words at `first_word` and the shape of the pool's output.
PoolShape ReadPool(const StepView& step, uint32_t first_word, int32_t in_h, int32_t in_w, const ValueRecord& output);
/// Windows that an element of the map lies in, at most.
uint32_t MostWindows(const PoolShape& shape);
/// Every window has a tap inside the map.
TFLM_TRAIN_COLD bool PoolFits(const PoolShape& shape);
/// The argument, if it is there, holds one winner's position (one byte) for each element of `output`. Call ArgumentsFit
/// before.
TFLM_TRAIN_COLD bool ArgmaxFits(const StepView& step, uint32_t argument, const PoolShape& shape,
                                const ValueRecord& output);

/// The pool of a MAX_POOL_2D or AVERAGE_POOL_2D step between images `input` and `output`.
PoolShape ReadPoolStep(const StepView& step, const ValueRecord& input, const ValueRecord& output);
/// Images that such a window takes from one to the other.
TFLM_TRAIN_COLD bool PoolImagesFit(const StepView& step, const ValueRecord& input, const ValueRecord& output);
/// The same, and constants of a step in float.
TFLM_TRAIN_COLD bool PoolStepFits(const StepView& step, const ValueRecord& input, const ValueRecord& output);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_POOL_H_
