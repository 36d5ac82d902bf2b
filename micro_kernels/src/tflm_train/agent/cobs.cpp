#include "tflm_train/agent/cobs.h"

namespace tflm_train {

namespace {

constexpr size_t kLongestRun = 254;  // bytes after a code 0xFF, which stands for no zero

}  // namespace

void CobsWrite(const uint8_t* data, size_t size, ByteStream& stream) {
  size_t begin = 0;
  for (;;) {
    size_t run = 0;
    while (begin + run < size && run < kLongestRun && data[begin + run] != 0) ++run;
    const uint8_t code = static_cast<uint8_t>(run + 1);
    stream.Write(&code, 1);
    if (run > 0) stream.Write(data + begin, run);
    begin += run;
    if (begin == size) return;
    if (run < kLongestRun) ++begin;  // the zero that the code stands for; it may be the last byte: an empty run follows
  }
}

ptrdiff_t CobsDecode(uint8_t* data, size_t size) {
  size_t from = 0, to = 0;
  while (from < size) {
    const size_t code = data[from++];
    if (code == 0 || from + code - 1 > size) return -1;
    for (size_t i = 1; i < code; ++i) {
      const uint8_t byte = data[from++];
      if (byte == 0) return -1;
      data[to++] = byte;
    }
    if (code <= kLongestRun && from < size) data[to++] = 0;
  }
  return static_cast<ptrdiff_t>(to);
}

}  // namespace tflm_train
