#include <doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "memory_stream.h"
#include "tflm_train/agent/frame.h"

using namespace tflm_train;

namespace {

using Bytes = std::vector<uint8_t>;
constexpr size_t kPayload = 128;

Bytes Encode(uint8_t command, uint32_t sequence, const std::string& payload) {
  Bytes buffer(FrameBytes(payload.size()));
  std::copy(payload.begin(), payload.end(), buffer.begin() + kFrameHeaderBytes);
  MemoryStream stream;
  SendFrame(buffer.data(), command, 0, sequence, payload.size(), stream);
  return stream.outgoing;
}

struct Receiver {
  Bytes buffer = Bytes(EncodedFrameBytes(kPayload));
  FrameReader reader{buffer.data(), buffer.size()};
  std::vector<Frame> frames;
  std::vector<std::string> payloads;

  void Push(const Bytes& bytes) {
    for (uint8_t byte : bytes) {
      Frame frame;
      if (!reader.Push(byte, &frame)) continue;
      frames.push_back(frame);
      payloads.emplace_back(frame.payload, frame.payload + frame.payload_size);
    }
  }
};

}  // namespace

TEST_CASE("a frame arrives as it was sent") {
  Receiver receiver;
  receiver.Push(Encode(0x21, 0x01020304, "hello"));
  REQUIRE(receiver.frames.size() == 1);
  CHECK(receiver.frames[0].version == kProtocolVersion);
  CHECK(receiver.frames[0].command == 0x21);
  CHECK(receiver.frames[0].sequence == 0x01020304);
  CHECK(receiver.payloads[0] == "hello");
}

TEST_CASE("the layout on the wire") {
  // header (version 2, command 0x21, status 0, sequence 1), payload "A", then zlib.crc32 of these nine bytes
  const Bytes frame = Encode(0x21, 1, "A");
  const Bytes expected = {0x00, 0x03, 0x02, 0x21, 0x01, 0x02, 0x01, 0x01, 0x01, 0x06};
  CHECK(Bytes(frame.begin(), frame.begin() + 10) == expected);
  CHECK(frame[10] == 'A');
  CHECK(frame.back() == 0);
}

TEST_CASE("empty payload, longest payload, one byte too many") {
  Receiver receiver;
  receiver.Push(Encode(1, 1, ""));
  receiver.Push(Encode(1, 2, std::string(kPayload, 'x')));
  receiver.Push(Encode(1, 3, std::string(kPayload + 8, 'x')));
  receiver.Push(Encode(1, 4, "next"));
  REQUIRE(receiver.frames.size() == 3);
  CHECK(receiver.payloads[0].empty());
  CHECK(receiver.payloads[1].size() == kPayload);
  CHECK(receiver.frames[2].sequence == 4);
}

TEST_CASE("every single damaged bit is noticed, and the next frame arrives") {
  const Bytes good = Encode(0x21, 77, "some payload");
  size_t seen = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Receiver receiver;
      Bytes damaged = good;
      damaged[i] = static_cast<uint8_t>(damaged[i] ^ 1 << bit);
      receiver.Push(damaged);
      receiver.Push({0});
      seen += receiver.frames.size();
      receiver.frames.clear();
      receiver.Push(Encode(0x21, 78, "next"));
      REQUIRE(receiver.frames.size() == 1);
      CHECK(receiver.frames[0].sequence == 78);
    }
  }
  CHECK(seen == 0);
}

TEST_CASE("cut, joined and foreign bytes do not disturb the frames between them") {
  std::mt19937 random(3);
  Receiver receiver;
  for (uint32_t i = 0; i < 300; ++i) {
    Bytes noise(random() % 400);
    for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
    receiver.Push(noise);
    Bytes cut = Encode(0x21, 9999, "never whole");
    cut.resize(random() % (cut.size() - 1));
    receiver.Push(cut);
    receiver.Push(Encode(0x21, i, "whole"));
  }
  REQUIRE(receiver.frames.size() == 300);
  for (uint32_t i = 0; i < 300; ++i) CHECK(receiver.frames[i].sequence == i);
}
