// Commands on which samples take part.
#include "tflm_train/agent/agent.h"

namespace tflm_train {

void Agent::Schedule(PayloadReader& request) {
  const uint32_t kind = request.U32();
  const uint32_t samples = request.U32();
  const float threshold = request.F32();
  if (!Complete(request)) return;
  EndSchedule();
  if (kind == static_cast<uint32_t>(tflm_train::Schedule::kNone)) return;
  if (kind != static_cast<uint32_t>(tflm_train::Schedule::kRememberedLoss)) return Fail(ProtocolStatus::kOutOfRange);
  const size_t before = spare_.size;
  uint8_t* const memory = spare_.TakeLast(RememberedLoss::Bytes(samples));
  if (memory == nullptr) {
    reply_.U32(static_cast<uint32_t>(spare_.size));
    return Fail(ProtocolStatus::kNoMemory);
  }
  schedule_bytes_ = before - spare_.size;
  SetStatus(schedule_.Init(memory, samples, threshold));
  if (schedule_.samples() != samples) EndSchedule();
}

void Agent::EndSchedule() {
  spare_.size += schedule_bytes_;
  schedule_bytes_ = 0;
  schedule_ = {};
}

void Agent::NextEpoch(PayloadReader& request) {
  const uint32_t first = request.U32();
  const uint32_t count = request.U32();
  if (!Complete(request)) return;
  const uint32_t samples = schedule_.samples();
  if (first > samples || count > samples - first || count > reply_.room()) return Fail(ProtocolStatus::kOutOfRange);
  for (uint32_t i = first; i < first + count; ++i) reply_.U8(schedule_.Next(i) ? 1 : 0);
}

}  // namespace tflm_train
