// A selector: which elements of a layer's error go on.
#ifndef TFLM_TRAIN_POLICIES_SELECTOR_H_
#define TFLM_TRAIN_POLICIES_SELECTOR_H_

#include <cstdint>

#include "tflm_train/policies/policy.h"

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

/// A selector. Without one all of an error goes on.
struct Selector : PolicyOf<PolicyKind::kSelector, SelectorId> {
  constexpr Selector(SelectorId selector, bool (*run_selector)(const LayerError&))
      : PolicyOf(selector), run(run_selector) {}
  /// Clears all of `delta` that does not go on; false: the whole layer is skipped.
  bool (*run)(const LayerError& error);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_SELECTOR_H_
