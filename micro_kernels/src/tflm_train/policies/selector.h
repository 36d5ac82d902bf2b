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
  uint16_t* keys;                    // scratch: one per element
  float* running_maximum;            // the layer's state, which starts from zero and is part of the training state
  const PlanReader* plan = nullptr;  // with `persistent`: where the layer's parameters are
  const uint8_t* persistent = nullptr;
};

/// The same of a layer whose errors are 16-bit integers.
struct IntegerLayerError {
  const TrainingOptions& options;
  const LayerRecord& layer;
  int16_t* delta;    // [elements]: what does not go on is cleared
  int32_t exponent;  // an element stands for delta[i] * 2^exponent
  uint32_t elements;
  uint16_t* keys;
  float* running_maximum;
};

/// A selector. Without one all of an error goes on.
struct Selector : PolicyOf<PolicyKind::kSelector, SelectorId> {
  constexpr Selector(SelectorId selector, bool (*run_selector)(const LayerError&),
                     bool (*run_of_integers)(const IntegerLayerError&) = nullptr, Verify verify_plan = nullptr)
      : PolicyOf(selector, verify_plan), run(run_selector), run_integers(run_of_integers) {}
  /// Clears all of `delta` that does not go on; false: the whole layer is skipped.
  bool (*run)(const LayerError& error);
  /// The same among integers; null: they all go on.
  bool (*run_integers)(const IntegerLayerError& error);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_SELECTOR_H_
