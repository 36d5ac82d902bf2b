// Damaged, repeated, cut, lost and foreign frames: nothing hangs, no weight changes, no step is trained twice.
#include <doctest.h>

#include <random>

#include "agent_bench.h"

using namespace bench;
using tflm_train::ProtocolStatus;

namespace {

constexpr uint16_t kOutOfOrder = static_cast<uint16_t>(ProtocolStatus::kOutOfOrder);

/// Weights after steps over a clean wire.
Bytes CleanRun(uint32_t steps) {
  Bench device;
  device.Load();
  for (uint32_t i = 0; i < steps; ++i) device.Request(Command::kStep, Bench::Sample(i));
  return device.Weights();
}

}  // namespace

TEST_CASE("a repeated request gets the same reply and is not executed again") {
  Bench device;
  device.Load();
  for (uint32_t i = 0; i < 20; ++i) {
    const Bytes request = device.Encode(Command::kStep, Bench::Sample(i));
    const Bytes first = device.Deliver(request);
    for (int repeat = 0; repeat < 3; ++repeat) CHECK(device.Deliver(request) == first);
  }
  CHECK(device.Weights() == CleanRun(20));
}

TEST_CASE("old and early sequence numbers are refused, and the cached reply stays") {
  Bench device;
  device.Load();
  const Bytes old = device.Encode(Command::kStep, Bench::Sample(0));
  device.Deliver(old);
  const Bytes latest = device.Encode(Command::kStep, Bench::Sample(1));
  const Bytes reply = device.Deliver(latest);
  CHECK(Bench::Decode(device.Deliver(old)).status == kOutOfOrder);
  device.sequence += 1;  // skips a number
  CHECK(device.Request(Command::kStep, Bench::Sample(2)).status == kOutOfOrder);
  CHECK(device.Deliver(latest) == reply);
  device.sequence -= 2;
  // another request under the number of the latest
  device.sequence -= 1;
  CHECK(device.Request(Command::kStep, Bench::Sample(3)).status == kOutOfOrder);
  CHECK(device.Weights() == CleanRun(2));
}

TEST_CASE("without hello, after a restart, nothing is executed") {
  Bench device;
  CHECK(device.Request(Command::kLoadBegin, Payload().U32(8).U32(0)).status == kOutOfOrder);
  device.Request(Command::kHello);
  CHECK(device.Request(Command::kLoadBegin, Payload().U32(8).U32(0)).status == 0);
}

TEST_CASE("lost requests and lost replies: every n-th frame each way") {
  constexpr uint32_t kSteps = 40;
  const Bytes clean = CleanRun(kSteps);
  for (int period : {2, 3, 5, 7}) {
    Bench device;
    device.Load();
    int requests = 0, replies = 0;
    for (uint32_t i = 0; i < kSteps; ++i) {
      const Bytes request = device.Encode(Command::kStep, Bench::Sample(i));
      for (int attempt = 0;; ++attempt) {
        REQUIRE(attempt < 10);
        if (++requests % period == 0) continue;  // the request is lost
        const Bytes reply = device.Deliver(request);
        if (++replies % period == 0) continue;  // the reply is lost
        REQUIRE(Bench::Decode(reply).status == 0);
        break;
      }
    }
    CHECK(device.Weights() == clean);
  }
}

TEST_CASE("damaged and cut requests are ignored, and the repetition succeeds") {
  constexpr uint32_t kSteps = 40;
  std::mt19937 random(11);
  Bench device;
  device.Load();
  for (uint32_t i = 0; i < kSteps; ++i) {
    const Bytes request = device.Encode(Command::kStep, Bench::Sample(i));
    Bytes damaged = request;
    for (size_t flips = random() % 4 + 1; flips > 0; --flips) {
      const size_t at = random() % damaged.size();
      damaged[at] = static_cast<uint8_t>(damaged[at] ^ 1u << random() % 8);
    }
    if (damaged != request) CHECK(device.Deliver(damaged).empty());
    Bytes cut = request;
    cut.resize(1 + random() % (request.size() - 2));
    CHECK(device.Deliver(cut).empty());
    Bytes noise(random() % 3000);
    for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
    CHECK(device.Deliver(noise).empty());
    REQUIRE(Bench::Decode(device.Deliver(request)).status == 0);
  }
  CHECK(device.Weights() == CleanRun(kSteps));
}

TEST_CASE("frames of another version and replies of other devices change nothing") {
  Bench device;
  device.Load();
  const Bytes before = device.Weights();
  tflm_train::Frame frame;
  Bytes buffer(tflm_train::EncodedFrameBytes(Bench::kFrames));
  tflm_train::FrameReader reader(buffer.data(), buffer.size());
  for (uint8_t byte : device.Encode(Command::kStep, Bench::Sample(0))) reader.Push(byte, &frame);
  const size_t body = tflm_train::kFrameHeaderBytes + frame.payload_size;
  const auto send = [&](uint8_t version, uint8_t command) {
    Bytes bytes(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(body));
    bytes[0] = version;
    bytes[1] = command;
    Payload whole;
    whole.Append(bytes.data(), body).U32(tflm_train::Crc32Of(bytes.data(), static_cast<uint32_t>(body)));
    MemoryStream wire;
    tflm_train::ResendFrame(whole.bytes.data(), frame.payload_size, wire);
    return device.Deliver(wire.outgoing);
  };
  CHECK(Bench::Decode(send(1, 0x21)).status == static_cast<uint16_t>(ProtocolStatus::kVersion));
  CHECK(send(tflm_train::kProtocolVersion, 0x21 | tflm_train::kReplyFlag).empty());
  device.sequence -= 1;
  CHECK(device.Weights() == before);
}

TEST_CASE("frames longer than the limit are dropped, the next one is served") {
  Bench device;
  device.Load();
  const Bytes before = device.Weights();
  for (size_t size : {Bench::kFrames + 16, 2 * Bench::kFrames, 5 * Bench::kFrames}) {
    CHECK(device.Deliver(device.Encode(Command::kWriteParameter, Bytes(size, 1))).empty());
    device.sequence -= 1;
  }
  CHECK(device.Weights() == before);
}

TEST_CASE("a host that dies while it loads: nothing trains, the next host starts anew") {
  Bench device;
  device.Load();
  device.Request(Command::kStep, Bench::Sample(0));
  device.Request(Command::kLoadBegin, Payload().U32(digits::kMlp.bytes).U32(1));
  device.Request(Command::kLoadData, Payload().U32(0).Append(digits::kMlp.data, 100));
  device.Deliver({0, 17, 3, 5});  // its last frame stays a piece
  device.sequence = 4711;
  CHECK(device.Request(Command::kHello).status == 0);
  CHECK(device.Request(Command::kStep, Bench::Sample(0)).status == static_cast<uint16_t>(ProtocolStatus::kNoModel));
  CHECK(device.Load().status == 0);
  device.Request(Command::kStep, Bench::Sample(0));
  CHECK(device.Weights() == CleanRun(1));
}

TEST_CASE("of two hosts, the one that said hello first is refused and trains nothing") {
  Bench device;
  device.Load();
  device.Request(Command::kStep, Bench::Sample(0));
  const Bytes latest = device.Encode(Command::kStep, Bench::Sample(1));
  device.Deliver(latest);
  const uint32_t first = device.sequence;
  device.sequence = 90000;
  device.Request(Command::kHello);
  const uint32_t second = device.sequence;
  device.sequence = first;
  CHECK(device.Request(Command::kStep, Bench::Sample(2)).status == kOutOfOrder);
  CHECK(Bench::Decode(device.Deliver(latest)).status == kOutOfOrder);  // no reply of the other session
  device.sequence = second;
  CHECK(device.Weights() == CleanRun(2));
}

TEST_CASE("intact frames with any payload: no bad access, a reply to each") {
  std::mt19937 random(5);
  Bench device;
  device.Load();
  for (int i = 0; i < 4000; ++i) {
    Bytes payload(random() % 4 == 0 ? random() % 300 : random() % 20);
    for (uint8_t& byte : payload) byte = random() % 2 == 0 ? uint8_t{0} : static_cast<uint8_t>(random());
    const Command command = static_cast<Command>(random() % 0x48);
    CHECK(Bench::Decode(device.Deliver(device.Encode(command, payload))).arrived);
    if (i % 50 == 0) CHECK(device.Load().status == 0);
  }
}

TEST_CASE("a closed stream ends the agent's loop") {
  Bench device;
  CHECK(device.agent.Poll());
  device.stream.closed = true;
  CHECK(!device.agent.Poll());
}
