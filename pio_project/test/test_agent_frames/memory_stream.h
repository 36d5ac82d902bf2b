// A ByteStream in memory.
#ifndef TFLM_TRAIN_TEST_AGENT_MEMORY_STREAM_H_
#define TFLM_TRAIN_TEST_AGENT_MEMORY_STREAM_H_

#include <algorithm>
#include <cstring>
#include <vector>

#include "tflm_train/agent/byte_stream.h"

struct MemoryStream final : tflm_train::ByteStream {
  std::vector<uint8_t> incoming, outgoing;
  bool closed = false;

  int32_t Read(uint8_t* data, size_t size) override {
    if (incoming.empty()) return closed ? kClosed : 0;
    const size_t count = std::min(size, incoming.size());
    std::memcpy(data, incoming.data(), count);
    incoming.erase(incoming.begin(), incoming.begin() + static_cast<ptrdiff_t>(count));
    return static_cast<int32_t>(count);
  }
  void Write(const uint8_t* data, size_t size) override { outgoing.insert(outgoing.end(), data, data + size); }
};

#endif  // TFLM_TRAIN_TEST_AGENT_MEMORY_STREAM_H_
