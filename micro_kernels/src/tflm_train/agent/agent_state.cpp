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
  const TrainingOptions& options = trainer_.options();
  const SelectorConfig& selector = options.selector;
  reply_.F32(options.learning_rate);
  reply_.U8(static_cast<uint8_t>(selector.id));
  reply_.U8(selector.output_sparse ? 1 : 0);
  reply_.U8(options.zero_skip ? 1 : 0);
  reply_.U8(0);
  reply_.U32(options.accumulate);
  reply_.F32(selector.ratio);
  reply_.F32(selector.s_min);
  reply_.F32(selector.s_max);
  reply_.F32(selector.damping);
  reply_.F32(selector.decay);
}

void Agent::SetOptions(PayloadReader& request) {
  TrainingOptions options = {};
  options.learning_rate = request.F32();
  options.selector.id = static_cast<SelectorId>(request.U8());
  options.selector.output_sparse = request.U8() != 0;
  options.zero_skip = request.U8() != 0;
  request.U8();
  options.accumulate = request.U32();
  options.selector.ratio = request.F32();
  options.selector.s_min = request.F32();
  options.selector.s_max = request.F32();
  options.selector.damping = request.F32();
  options.selector.decay = request.F32();
  if (!Complete(request)) return;
  SetStatus(trainer_.SetOptions(options));
}

}  // namespace tflm_train
