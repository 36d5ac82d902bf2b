// A ByteStream over file descriptors.
#ifndef TFLM_TRAIN_AGENT_NATIVE_PIPE_STREAM_H_
#define TFLM_TRAIN_AGENT_NATIVE_PIPE_STREAM_H_

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tflm_train/agent/byte_stream.h"

namespace tflm_train {

class PipeStream final : public ByteStream {
 public:
  PipeStream(int input, int output) : input_(input), output_(output) {}

  int32_t Read(uint8_t* data, size_t size) override {
    const ssize_t count = read(input_, data, size);
    if (count > 0) return static_cast<int32_t>(count);
    return count < 0 && errno == EINTR ? 0 : kClosed;
  }

  void Write(const uint8_t* data, size_t size) override {
    while (size > 0) {
      if (used_ == sizeof buffer_) Flush();
      const size_t room = sizeof buffer_ - used_;
      const size_t count = size < room ? size : room;
      std::memcpy(buffer_ + used_, data, count);
      used_ += count;
      data += count;
      size -= count;
    }
  }

  void Flush() override {
    size_t done = 0;
    while (done < used_) {
      const ssize_t count = write(output_, buffer_ + done, used_ - done);
      if (count > 0) {
        done += static_cast<size_t>(count);
      } else if (errno != EINTR) {
        break;  // nobody reads any more: the next Read tells
      }
    }
    used_ = 0;
  }

 private:
  int input_;
  int output_;
  uint8_t buffer_[4096];
  size_t used_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_NATIVE_PIPE_STREAM_H_
