// Commands on samples: train, evaluate, infer.
#include <cstring>

#include "tflm_train/agent/agent.h"

namespace tflm_train {

namespace {

/// Floats inside a payload. They are aligned: payloads start on 8 bytes, and what stands before them is a multiple
/// of 4.
const float* Floats(const uint8_t* bytes) { return reinterpret_cast<const float*>(bytes); }

/// Of a label with a float or a class number for each of `count` outputs or rows.
uint32_t LabelBytes(uint32_t count) { return count * static_cast<uint32_t>(sizeof(float)); }

/// The label of a kind whose class number or numbers were received.
Label LabelOf(LabelKind kind, int32_t index, const float* words) {
  if (kind == LabelKind::kVector) return Label::Vector(words);
  if (kind == LabelKind::kClasses) return Label::Classes(reinterpret_cast<const int32_t*>(words));
  return Label::Class(index);
}

}  // namespace

uint8_t* Agent::StagingArea() {
  if (staging_ == nullptr) staging_ = spare_.Take(size_t{InputBytes()} + LabelBytes(trainer_.output_elements()));
  return staging_;
}

void Agent::Stage(PayloadReader& request) {
  const uint32_t offset = request.U32();
  const size_t size = request.rest();
  if (!request.ok()) return Fail(ProtocolStatus::kBadLength);
  const size_t capacity = size_t{InputBytes()} + LabelBytes(trainer_.output_elements());
  if (offset > capacity || size > capacity - offset) return Fail(ProtocolStatus::kOutOfRange);
  uint8_t* staging = StagingArea();
  if (staging == nullptr) {
    reply_.U32(static_cast<uint32_t>(spare_.size));
    return Fail(ProtocolStatus::kNoMemory);
  }
  if (size > 0) std::memcpy(staging + offset, request.Bytes(size), size);
}

bool Agent::ReadSample(PayloadReader& request, bool labelled, uint16_t may_have, Sample* sample) {
  output_ = nullptr;
  const LabelKind kind = static_cast<LabelKind>(request.U8());
  const SampleSource source = static_cast<SampleSource>(request.U8());
  const uint16_t fields = request.U16();
  const int32_t index = static_cast<int32_t>(request.U32());
  const float weight = (fields & kHasWeight) != 0 ? request.F32() : 1.0f;
  const uint32_t number = (fields & kHasNumber) != 0 ? request.U32() : kNoneOffset;
  const bool known_fields = (fields & ~may_have) == 0;
  const bool vector = kind == LabelKind::kVector, classes = kind == LabelKind::kClasses;
  const bool known_label = labelled ? vector || classes || kind == LabelKind::kClass : kind == LabelKind::kNone;
  const uint32_t rows = trainer_.output_elements() / trainer_.classes();
  const bool known_source = source == SampleSource::kInline || source == SampleSource::kStaged;
  const float* input = nullptr;
  const float* target = nullptr;
  if (source == SampleSource::kStaged) {
    if (staging_ == nullptr) {
      Fail(ProtocolStatus::kOutOfRange);
      return false;
    }
    input = Floats(staging_);
    target = Floats(staging_ + InputBytes());
  } else {
    input = Floats(request.Bytes(InputBytes()));
    if (vector) target = Floats(request.Bytes(LabelBytes(trainer_.output_elements())));
    if (classes) target = Floats(request.Bytes(LabelBytes(rows)));
  }
  if (!known_label || !known_source || !known_fields || !request.Complete()) {
    Fail(ProtocolStatus::kBadLength);
    return false;
  }
  if ((fields & kHasNumber) != 0 && number >= schedule_.samples()) {
    Fail(ProtocolStatus::kOutOfRange);
    return false;
  }
  *sample = {input, LabelOf(kind, index, target), weight, number};
  return true;
}

void Agent::ReplyResult(tflm_train::Status status, const StepResult& result) {
  SetStatus(status);
  if (status != tflm_train::Status::kOk) return;
  reply_.F32(result.loss);
  reply_.U32(result.correct);
}

void Agent::ReplyStep(tflm_train::Status status, const StepResult& result, uint32_t number, float weight) {
  ReplyResult(status, result);
  if (status != tflm_train::Status::kOk) return;
  schedule_.Remember(number, result.loss, weight);
  reply_.U32((result.trained ? uint32_t{kTrained} : 0u) | (result.clipped ? uint32_t{kClipped} : 0u));
  ++steps_;
}

void Agent::Step(PayloadReader& request) {
  Sample sample;
  if (!ReadSample(request, true, kHasWeight | kHasNumber, &sample)) return;
  StepResult result = {};
  if (config_.meter != nullptr) config_.meter->BeginStep();
  const tflm_train::Status status = trainer_.Step(sample.input, sample.label, sample.weight, &result);
  if (config_.meter != nullptr) config_.meter->EndStep();
  ReplyStep(status, result, sample.number, sample.weight);
}

void Agent::Evaluate(PayloadReader& request) {
  Sample sample;
  if (!ReadSample(request, true, 0, &sample)) return;
  StepResult result = {};
  const tflm_train::Status status = trainer_.Evaluate(sample.input, sample.label, &result);
  ReplyResult(status, result);
}

void Agent::Infer(PayloadReader& request) {
  Sample sample;
  if (!ReadSample(request, false, 0, &sample)) return;
  const tflm_train::Status status = trainer_.Infer(sample.input, &output_);
  SetStatus(status);
  if (status != tflm_train::Status::kOk) output_ = nullptr;
}

void Agent::Teach(PayloadReader& request) {
  Sample sample;
  if (!ReadSample(request, true, 0, &sample)) return;
  // no class is a label that is refused
  SetStatus(teacher_.Teach(sample.input, sample.label.index));
}

void Agent::ReadOutput(PayloadReader& request) {
  const uint32_t offset = request.U32();
  const uint32_t count = request.U32();
  if (!Complete(request)) return;
  ReplyPart(output_, OutputBytes(), offset, count);
}

void Agent::Flush(PayloadReader& request) {
  if (!Complete(request)) return;
  output_ = nullptr;
  SetStatus(trainer_.Flush());
}

void Agent::Reset(PayloadReader& request) {
  if (!Complete(request)) return;
  output_ = nullptr;
  steps_ = 0;
  EndSchedule();
  replay_.Clear();
  alignment_.Clear();
  if (config_.meter != nullptr) config_.meter->Reset();
  SetStatus(trainer_.Reset());
}

}  // namespace tflm_train
