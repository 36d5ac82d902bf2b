#include <doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "memory_stream.h"
#include "tflm_train/agent/cobs.h"

using tflm_train::CobsDecode;
using tflm_train::CobsEncodedBytes;
using tflm_train::CobsWrite;

namespace {

using Bytes = std::vector<uint8_t>;

Bytes Encode(const Bytes& data) {
  MemoryStream stream;
  CobsWrite(data.data(), data.size(), stream);
  return stream.outgoing;
}

Bytes Decode(Bytes data) {
  const ptrdiff_t size = CobsDecode(data.data(), data.size());
  REQUIRE(size >= 0);
  data.resize(static_cast<size_t>(size));
  return data;
}

ptrdiff_t DecodedSize(Bytes data) { return CobsDecode(data.data(), data.size()); }

Bytes Count(int from, int to) {
  Bytes bytes(static_cast<size_t>(to - from + 1));
  std::iota(bytes.begin(), bytes.end(), static_cast<uint8_t>(from));
  return bytes;
}

}  // namespace

TEST_CASE("known encodings") {
  CHECK(Encode({}) == Bytes{1});
  CHECK(Encode({0}) == Bytes{1, 1});
  CHECK(Encode({0, 0}) == Bytes{1, 1, 1});
  CHECK(Encode({0x11, 0x22, 0, 0x33}) == Bytes{3, 0x11, 0x22, 2, 0x33});
  CHECK(Encode({0x11, 0, 0, 0}) == Bytes{2, 0x11, 1, 1, 1});
}

TEST_CASE("runs of 254 and 255 bytes without a zero") {
  Bytes expected = Count(1, 254);
  expected.insert(expected.begin(), 0xFF);
  CHECK(Encode(Count(1, 254)) == expected);

  expected.push_back(2);
  expected.push_back(255);
  CHECK(Encode(Count(1, 255)) == expected);
}

TEST_CASE("decoding gives back what was encoded, and no zero is in between") {
  std::mt19937 random(1);
  for (int round = 0; round < 400; ++round) {
    Bytes data(random() % 1100);
    const auto zeros = random() % 300 + 1;  // one byte in so many
    for (uint8_t& byte : data) byte = random() % zeros == 0 ? uint8_t{0} : static_cast<uint8_t>(random() % 255 + 1);
    const Bytes encoded = Encode(data);
    REQUIRE(encoded.size() <= CobsEncodedBytes(data.size()));
    REQUIRE(std::count(encoded.begin(), encoded.end(), 0) == 0);
    REQUIRE(Decode(encoded) == data);
  }
}

TEST_CASE("what is no encoding is refused") {
  CHECK(DecodedSize({}) == 0);
  CHECK(DecodedSize({0}) == -1);
  CHECK(DecodedSize({3, 0x11}) == -1);        // the code points past the end
  CHECK(DecodedSize({3, 0x11, 0}) == -1);     // a zero inside
  CHECK(DecodedSize({2, 0x11, 0, 1}) == -1);  // a zero as a code
}
