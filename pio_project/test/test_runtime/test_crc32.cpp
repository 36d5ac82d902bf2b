#include <doctest.h>

#include <cstring>

#include "tflm_train/base/crc32.h"

using namespace tflm_train;

namespace {
uint32_t Of(const char* text) {
  return Crc32Of(reinterpret_cast<const uint8_t*>(text), static_cast<uint32_t>(std::strlen(text)));
}
}  // namespace

TEST_CASE("CRC-32 of known texts") {
  CHECK(Of("") == 0u);
  CHECK(Of("a") == 0xE8B7BE43u);
  CHECK(Of("123456789") == 0xCBF43926u);  // the check value of CRC-32/ISO-HDLC
  CHECK(Of("The quick brown fox jumps over the lazy dog") == 0x414FA339u);
}

TEST_CASE("CRC-32 in pieces and words") {
  const uint8_t bytes[] = {0x78, 0x56, 0x34, 0x12, 0xFF, 0x00, 0xAB};
  Crc32 crc;
  crc.Word(0x12345678u);
  crc.Update(bytes + 4, 1);
  crc.Update(bytes + 5, 0);
  crc.Update(bytes + 5, 2);
  CHECK(crc.value() == Crc32Of(bytes, sizeof bytes));
}
