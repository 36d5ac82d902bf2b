// Commands on statistics of activations.
#include "tflm_train/agent/agent.h"

namespace tflm_train {

void Agent::Measure(PayloadReader& request) {
  Sample sample;
  if (!ReadSample(request, false, 0, &sample)) return;
  SetStatus(alignment_.Measure(sample.input));
  if (status_ == 0) reply_.U32(alignment_.measured());
}

void Agent::Judge(PayloadReader& request) {
  Sample sample;
  if (!ReadSample(request, true, 0, &sample)) return;
  SetStatus(alignment_.Judge(sample.input, sample.label));
  if (status_ != 0) return;
  reply_.U32(alignment_.decisions());
  reply_.U32(alignment_.correct_before());
  reply_.U32(alignment_.correct_after());
}

void Agent::Align(PayloadReader& request) {
  const uint32_t action = request.U32();
  const float margin = request.F32();
  if (!Complete(request)) return;
  output_ = nullptr;
  bool accepted = false;
  if (action == static_cast<uint32_t>(AlignAction::kForget)) {
    alignment_.Clear();
  } else if (action == static_cast<uint32_t>(AlignAction::kAccept)) {
    SetStatus(alignment_.Accept(margin, &accepted));
  } else {
    return Fail(ProtocolStatus::kOutOfRange);
  }
  if (status_ == 0) reply_.U32(accepted ? 1 : 0);
}

}  // namespace tflm_train
