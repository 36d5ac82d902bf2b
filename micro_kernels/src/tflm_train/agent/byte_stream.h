// What frames travel over: a UART, a pipe, a socket.
#ifndef TFLM_TRAIN_AGENT_BYTE_STREAM_H_
#define TFLM_TRAIN_AGENT_BYTE_STREAM_H_

#include <cstddef>
#include <cstdint>

namespace tflm_train {

class ByteStream {
 public:
  static constexpr int32_t kClosed = -1;

  /// Reads up to `size` bytes. Returns how many; 0 if none came (it may wait for some first); kClosed at the end.
  virtual int32_t Read(uint8_t* data, size_t size) = 0;
  /// Writes all bytes, sooner or later.
  virtual void Write(const uint8_t* data, size_t size) = 0;
  /// Called at the end of a frame: nothing stays in a buffer.
  virtual void Flush() {}

 protected:
  ~ByteStream() = default;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_BYTE_STREAM_H_
