// Commands on activations that are kept.
#include "tflm_train/agent/agent.h"

namespace tflm_train {

void Agent::Remember(PayloadReader& request) {
  Sample sample;
  if (!ReadSample(request, true, kHasWeight, &sample)) return;
  // no class is a label that is refused
  uint32_t slot = LatentReplay::kNoSlot;
  SetStatus(replay_.Remember(sample.input, sample.label.index, sample.weight, &slot));
  if (status_ == 0) reply_.U32(slot);
}

void Agent::Replay(PayloadReader& request) {
  const uint32_t slot = request.U32();
  const uint32_t number = request.U32();
  if (!Complete(request)) return;
  output_ = nullptr;
  if (slot >= replay_.used() || (number != kNoneOffset && number >= schedule_.samples())) {
    return Fail(ProtocolStatus::kOutOfRange);
  }
  StepResult result = {};
  if (config_.meter != nullptr) config_.meter->BeginStep();
  const tflm_train::Status status = replay_.Replay(slot, &result);
  if (config_.meter != nullptr) config_.meter->EndStep();
  ReplyStep(status, result, number, replay_.weight(slot));
}

void Agent::Draw(PayloadReader& request) {
  if (!Complete(request)) return;
  reply_.U32(replay_.Draw());
  reply_.U32(replay_.used());
}

void Agent::Forget(PayloadReader& request) {
  if (!Complete(request)) return;
  replay_.Clear();
}

}  // namespace tflm_train
