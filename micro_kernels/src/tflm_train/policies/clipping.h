// A clipping: what becomes of an error that is too large.
#ifndef TFLM_TRAIN_POLICIES_CLIPPING_H_
#define TFLM_TRAIN_POLICIES_CLIPPING_H_

#include "tflm_train/policies/gate.h"

namespace tflm_train {

/// A clipping stands behind a sample's weight and in front of the plan's gate, which sees what it has made of the
/// error. Without one errors go back as they are: a firmware whose options do not clip links none.
struct Clipping : Gate {
  using Id = ClippingId;
  static constexpr uint32_t KeyOf(Id id) { return Key(PolicyKind::kClipping, static_cast<uint32_t>(id)); }
  /// `pass_on` ends with PassOn.
  constexpr Clipping(Id id, Pass pass_on) : Gate(pass_on) { key = KeyOf(id); }
  /// Asks the gate of the options.
  static Finding PassOn(const LossSample& sample, StepResult* result, const StepContext& context) {
    const Gate* const gate = context.chosen_;
    return gate == nullptr ? Finding::kNothing : gate->pass(*gate, sample, result, context);
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_CLIPPING_H_
