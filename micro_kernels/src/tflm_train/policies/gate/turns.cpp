#include "tflm_train/policies/gate/turns.h"

namespace tflm_train {

bool Turns::Next(const TrainingOptions& options, bool wanted) {
  const bool warming = warm < options.gate_warmup;
  if (warming) ++warm;
  ++left_out;
  const bool due = options.gate_every != 0 && left_out >= options.gate_every;
  if (wanted || warming || due) left_out = 0;
  return left_out == 0;
}

}  // namespace tflm_train
