// Commands on weights, counters and options.
#include <cstring>

#include "tflm_train/agent/agent.h"

namespace tflm_train {

void Agent::Parameter(PayloadReader& request) {
  const uint32_t index = request.U32();
  if (!Complete(request)) return;
  if (index >= trainer_.parameter_count()) return Fail(ProtocolStatus::kOutOfRange);
  const ParameterView parameter = trainer_.parameter(index);
  reply_.U32(parameter.tensor);
  reply_.U32(parameter.elements);
  reply_.U32(static_cast<uint32_t>(parameter.type));
  reply_.U32(parameter.bytes());
}

void Agent::ReadParameter(PayloadReader& request) {
  const uint32_t index = request.U32();
  const uint32_t offset = request.U32();
  const uint32_t count = request.U32();
  if (!Complete(request)) return;
  const ParameterView parameter = trainer_.parameter(index);
  ReplyPart(parameter.data, parameter.bytes(), offset, count);
}

void Agent::WriteParameter(PayloadReader& request) {
  const uint32_t index = request.U32();
  const uint32_t offset = request.U32();
  const size_t size = request.rest();
  if (!request.ok()) return Fail(ProtocolStatus::kBadLength);
  const uint32_t bytes = trainer_.parameter(index).bytes();
  if (offset > bytes || size > bytes - offset) return Fail(ProtocolStatus::kOutOfRange);
  if (size > 0) {
    SetStatus(trainer_.WriteParameter(index, offset, request.Bytes(size), static_cast<uint32_t>(size)));
  }
}

void Agent::ReadState(PayloadReader& request) {
  const uint32_t offset = request.U32();
  const uint32_t count = request.U32();
  if (!Complete(request)) return;
  const uint32_t bytes = trainer_.state_bytes();
  if (offset > bytes || count > bytes - offset || count > reply_.room()) return Fail(ProtocolStatus::kOutOfRange);
  SetStatus(trainer_.ReadState(offset, reply_.Reserve(count), count));
}

void Agent::WriteState(PayloadReader& request) {
  const uint32_t offset = request.U32();
  const size_t size = request.rest();
  if (!request.ok()) return Fail(ProtocolStatus::kBadLength);
  const uint32_t bytes = trainer_.state_bytes();
  if (offset > bytes || size > bytes - offset) return Fail(ProtocolStatus::kOutOfRange);
  if (size > 0) SetStatus(trainer_.WriteState(offset, request.Bytes(size), static_cast<uint32_t>(size)));
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
