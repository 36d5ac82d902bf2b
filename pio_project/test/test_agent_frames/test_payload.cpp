#include <doctest.h>

#include "tflm_train/agent/payload.h"

using tflm_train::PayloadReader;
using tflm_train::PayloadWriter;

TEST_CASE("fields come back in order") {
  uint8_t bytes[64];
  PayloadWriter writer(bytes, sizeof bytes);
  writer.U8(1);
  writer.U16(0x0203);
  writer.U32(0x04050607);
  writer.F32(-1.5f);
  writer.U64(0x1122334455667788);
  writer.Text("abcdef", 3);
  REQUIRE(writer.ok());
  CHECK(writer.size() == 1 + 2 + 4 + 4 + 8 + 3);
  CHECK(bytes[1] == 3);  // little-endian
  PayloadReader reader(bytes, writer.size());
  CHECK(reader.U8() == 1);
  CHECK(reader.U16() == 0x0203);
  CHECK(reader.U32() == 0x04050607);
  CHECK(reader.F32() == -1.5f);
  CHECK(reader.U32() == 0x55667788);
  CHECK(reader.U32() == 0x11223344);
  CHECK(!reader.Complete());
  const uint8_t* text = reader.Bytes(3);
  REQUIRE(text != nullptr);
  CHECK(text[2] == 'c');
  CHECK(reader.Complete());
}

TEST_CASE("reading past the end gives zeros and is noticed") {
  const uint8_t bytes[3] = {1, 2, 3};
  PayloadReader reader(bytes, sizeof bytes);
  CHECK(reader.U32() == 0);
  CHECK(!reader.ok());
  CHECK(reader.Bytes(4) == nullptr);
  CHECK(reader.Bytes(~size_t{0}) == nullptr);
  CHECK(!reader.Complete());
}

TEST_CASE("writing past the end leaves the buffer alone and is noticed") {
  uint8_t bytes[4] = {9, 9, 9, 9};
  PayloadWriter writer(bytes, 3);
  writer.U32(0);
  CHECK(!writer.ok());
  CHECK(writer.size() == 0);
  CHECK(bytes[0] == 9);
  CHECK(bytes[3] == 9);
}
