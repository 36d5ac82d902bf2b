// Commands on weights, counters and options.
#include <cstring>

#include "tflm_train/agent/agent.h"

namespace tflm_train {

void Agent::Parameter(PayloadReader& request) {
  const uint32_t index = request.U32();
  if (!Complete(request)) return;
  if (index >= trainer_.parameter_count()) return Fail(ProtocolStatus::kOutOfRange);
  reply_.U32(trainer_.parameter_tensor(index));
  reply_.U32(trainer_.parameter_elements(index));
}

void Agent::ReadParameter(PayloadReader& request) {
  const uint32_t index = request.U32();
  const uint32_t offset = request.U32();
  const uint32_t count = request.U32();
  if (!Complete(request)) return;
  const float* values = trainer_.parameter(index);
  if (values == nullptr || offset > trainer_.parameter_elements(index) ||
      count > trainer_.parameter_elements(index) - offset || count > reply_.room() / sizeof(float)) {
    return Fail(ProtocolStatus::kOutOfRange);
  }
  ReplyFloats(values + offset, count);
}

void Agent::WriteParameter(PayloadReader& request) {
  const uint32_t index = request.U32();
  const uint32_t offset = request.U32();
  const size_t size = request.rest();
  if (!request.ok() || size % sizeof(float) != 0) return Fail(ProtocolStatus::kBadLength);
  float* values = trainer_.parameter(index);
  if (values == nullptr || offset > trainer_.parameter_elements(index) ||
      size / sizeof(float) > trainer_.parameter_elements(index) - offset) {
    return Fail(ProtocolStatus::kOutOfRange);
  }
  if (size > 0) std::memcpy(values + offset, request.Bytes(size), size);
}

void Agent::ReadState(PayloadReader& request) {
  const uint32_t offset = request.U32();
  const uint32_t count = request.U32();
  if (!Complete(request)) return;
  constexpr uint32_t kWord = sizeof(uint32_t);
  const uint32_t words = trainer_.state_bytes() / kWord;
  if (offset > words || count > words - offset || count > reply_.room() / kWord) {
    return Fail(ProtocolStatus::kOutOfRange);
  }
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t word = 0;
    trainer_.ReadState((offset + i) * kWord, &word, kWord);
    reply_.U32(word);
  }
}

void Agent::WriteState(PayloadReader& request) {
  const uint32_t offset = request.U32();
  const size_t size = request.rest();
  constexpr uint32_t kWord = sizeof(uint32_t);
  if (!request.ok() || size % kWord != 0) return Fail(ProtocolStatus::kBadLength);
  if (offset > trainer_.state_bytes() / kWord || size > trainer_.state_bytes() - offset * kWord) {
    return Fail(ProtocolStatus::kOutOfRange);
  }
  if (size > 0) SetStatus(trainer_.WriteState(offset * kWord, request.Bytes(size), static_cast<uint32_t>(size)));
}

void Agent::Counters(PayloadReader& request) {
  if (!Complete(request)) return;
  const WorkCounters& work = trainer_.counters();
  reply_.U64(work.forward);
  reply_.U64(work.input_error);
  reply_.U64(work.weight_gradient);
  reply_.U64(work.update);
  reply_.U64(work.selection);
  const StepCost cost = config_.meter == nullptr ? StepCost{} : config_.meter->cost();
  reply_.U64(cost.forward);
  reply_.U64(cost.loss);
  reply_.U64(cost.selection);
  reply_.U64(cost.backward);
  reply_.U64(cost.total);
  reply_.U32(steps_);
}

void Agent::ResetCounters(PayloadReader& request) {
  if (!Complete(request)) return;
  trainer_.ResetCounters();
  steps_ = 0;
  if (config_.meter != nullptr) config_.meter->Reset();
}

void Agent::Options(PayloadReader& request) {
  if (!Complete(request)) return;
  uint32_t words[kOptionCount];
  std::memcpy(words, &trainer_.options(), sizeof words);
  for (uint32_t word : words) reply_.U32(word);
}

void Agent::SetOptions(PayloadReader& request) {
  uint32_t words[kOptionCount];
  for (uint32_t& word : words) word = request.U32();
  TrainingOptions options;
  std::memcpy(&options, words, sizeof options);
  if (!Complete(request)) return;
  SetStatus(trainer_.SetOptions(options));
}

}  // namespace tflm_train
