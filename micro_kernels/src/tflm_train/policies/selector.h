// A selector: which elements of a layer's error go on.
#ifndef TFLM_TRAIN_POLICIES_SELECTOR_H_
#define TFLM_TRAIN_POLICIES_SELECTOR_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"

namespace tflm_train {

/// The error of a layer that a selector chooses from.
struct LayerError {
  const TrainingOptions& options;
  const LayerRecord& layer;
  /// Errors go on only where it is not zero: the output of a ReLU, or a masked `delta` itself.
  const float* gate;
  float* delta;  // [elements]: what does not go on is cleared
  uint32_t elements;
  uint16_t* keys;          // scratch: one per element
  float* running_maximum;  // the layer's state, which starts from zero and is part of the training state
};

/// A selector. Objects are constants with static storage, like Operators; policies/selectors.h declares them.
struct Selector {
  SelectorId id;
  /// Clears all of `delta` that does not go on; false: the whole layer is skipped.
  bool (*run)(const LayerError& error);
};

/// A Selector whose id its type tells, so that a set of them is a constant of the compiler's.
template <SelectorId selector>
struct SelectorOf : Selector {
  constexpr explicit SelectorOf(bool (*run_selector)(const LayerError&)) : Selector{selector, run_selector} {}
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_SELECTOR_H_
