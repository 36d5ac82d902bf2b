// An agent with a small model, and the other end of its wire.
#ifndef TFLM_TRAIN_TEST_AGENT_BENCH_H_
#define TFLM_TRAIN_TEST_AGENT_BENCH_H_

#include <memory>
#include <string>
#include <vector>

#include "../../src/digits/digits.h"
#include "../test_agent_frames/memory_stream.h"
#include "tflm_train/agent/agent.h"
#include "tflm_train/base/crc32.h"
#include "tflm_train/operators/all_operators.h"

namespace bench {

using tflm_train::Command;
using tflm_train::kAlignment;
using Bytes = std::vector<uint8_t>;

/// Fields of a payload, little-endian.
class Payload {
 public:
  Payload& U8(uint8_t value) { return Append(&value, 1); }
  Payload& U32(uint32_t value) { return Append(&value, 4); }
  Payload& F32(float value) { return Append(&value, 4); }
  Payload& Floats(const float* values, size_t count) { return Append(values, 4 * count); }
  Payload& Append(const void* data, size_t size) {
    const uint8_t* from = static_cast<const uint8_t*>(data);
    bytes.insert(bytes.end(), from, from + size);
    return *this;
  }
  Bytes bytes;
};

struct Reply {
  bool arrived = false;
  uint16_t status = 0xFFFF;
  uint32_t sequence = 0;
  Bytes payload;

  uint32_t U32(size_t word) const { return tflm_train::PayloadReader(&payload[4 * word], 4).U32(); }
  float F32(size_t word) const { return tflm_train::PayloadReader(&payload[4 * word], 4).F32(); }
};

class Bench {
 public:
  static constexpr size_t kFrames = 1024;

  explicit Bench(size_t memory_bytes = 24 * 1024, bool built_in = false) : memory_(memory_bytes + kAlignment) {
    // aligned by hand: what the agent has left does not depend on where the vector lies
    const size_t gap = kAlignment - reinterpret_cast<uintptr_t>(memory_.data()) % kAlignment;
    tflm_train::AgentConfig config = {};
    config.name = "bench";
    config.stream = &stream;
    config.operators = &operators_;
    config.memory = memory_.data() + gap;
    config.memory_bytes = memory_bytes;
    config.frame_payload = kFrames;
    if (built_in) {
      config.model = digits::kMlp.data;
      config.model_bytes = digits::kMlp.bytes;
    }
    status = agent.Init(config);
  }

  /// The bytes of a request with the next sequence number.
  Bytes Encode(Command command, const Bytes& payload) {
    MemoryStream wire;
    Bytes buffer(tflm_train::FrameBytes(payload.size()));
    std::copy(payload.begin(), payload.end(), buffer.begin() + tflm_train::kFrameHeaderBytes);
    tflm_train::SendFrame(buffer.data(), static_cast<uint8_t>(command), 0, ++sequence, payload.size(), wire);
    return wire.outgoing;
  }
  Bytes Encode(Command command, const Payload& payload = {}) { return Encode(command, payload.bytes); }

  /// Delivers bytes, lets the agent work, and gives what it sent.
  Bytes Deliver(const Bytes& bytes) {
    stream.incoming.insert(stream.incoming.end(), bytes.begin(), bytes.end());
    while (!stream.incoming.empty()) agent.Poll();
    Bytes sent;
    sent.swap(stream.outgoing);
    return sent;
  }

  static Reply Decode(const Bytes& bytes) {
    Bytes buffer(tflm_train::EncodedFrameBytes(kFrames));
    tflm_train::FrameReader reader(buffer.data(), buffer.size());
    Reply reply;
    for (uint8_t byte : bytes) {
      tflm_train::Frame frame;
      if (!reader.Push(byte, &frame)) continue;
      reply = {true, frame.status, frame.sequence, Bytes(frame.payload, frame.payload + frame.payload_size)};
    }
    return reply;
  }

  Reply Request(Command command, const Payload& payload = {}) { return Decode(Deliver(Encode(command, payload))); }

  Reply Load(const digits::Model& model = digits::kMlp) { return Load(model, model.arena_bytes); }
  Reply Load(const digits::Model& model, uint32_t arena_bytes) {
    Request(Command::kHello);
    const uint32_t crc = tflm_train::Crc32Of(model.data, model.bytes);
    const Reply begun = Request(Command::kLoadBegin, Payload().U32(model.bytes).U32(crc));
    if (begun.status != 0) return begun;
    constexpr uint32_t kPiece = kFrames - 4;
    for (uint32_t at = 0; at < model.bytes; at += kPiece) {
      const uint32_t size = model.bytes - at < kPiece ? model.bytes - at : kPiece;
      Request(Command::kLoadData, Payload().U32(at).Append(model.data + at, size));
    }
    return Request(Command::kLoadEnd, Payload().U32(arena_bytes).U32(0));
  }

  /// Request of a step on a training sample.
  static Payload Sample(uint32_t index, tflm_train::LabelKind kind = tflm_train::LabelKind::kClass) {
    float input[digits::kPixels];
    digits::Read(digits::kTraining, index, input);
    return Header(kind, tflm_train::SampleSource::kInline, digits::kTraining.labels[index])
        .Floats(input, digits::kPixels);
  }
  static Payload Header(tflm_train::LabelKind kind, tflm_train::SampleSource source, uint32_t index) {
    return Payload().U8(static_cast<uint8_t>(kind)).U8(static_cast<uint8_t>(source)).U8(0).U8(0).U32(index);
  }

  /// All weights, read through the protocol.
  Bytes Weights() {
    Bytes all;
    const uint32_t parameters = Request(Command::kDescribe).U32(2);
    for (uint32_t i = 0; i < parameters; ++i) {
      const uint32_t bytes = Request(Command::kParameter, Payload().U32(i)).U32(3);
      all.reserve(all.size() + bytes);
      for (uint32_t at = 0; at < bytes; at += 801) {
        const uint32_t count = bytes - at < 801 ? bytes - at : 801;
        const Reply reply = Request(Command::kReadParameter, Payload().U32(i).U32(at).U32(count));
        all.insert(all.end(), reply.payload.begin(), reply.payload.end());
      }
    }
    return all;
  }

  MemoryStream stream;
  tflm_train::Agent agent;
  tflm_train::Status status;
  uint32_t sequence = 0xFFFFFFF0u;  // wraps within every test

 private:
  std::vector<uint8_t> memory_;
  tflm_train::AllOperators operators_;
};

}  // namespace bench

#endif  // TFLM_TRAIN_TEST_AGENT_BENCH_H_
