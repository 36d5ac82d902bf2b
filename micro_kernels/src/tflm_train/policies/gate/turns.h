// Samples that train whatever a gate makes of them.
#ifndef TFLM_TRAIN_POLICIES_GATE_TURNS_H_
#define TFLM_TRAIN_POLICIES_GATE_TURNS_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"

namespace tflm_train {

/// State of a gate: the first `gate_warmup` samples train, and one at least of `gate_every` that follow each other.
struct Turns {
  uint32_t warm;      // samples so far, up to gate_warmup
  uint32_t left_out;  // samples in a row

  /// Whether the next sample trains. `wanted`: what the gate makes of it.
  bool Next(const TrainingOptions& options, bool wanted);
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_GATE_TURNS_H_
