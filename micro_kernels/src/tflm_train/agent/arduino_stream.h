// A ByteStream over any Arduino Stream: Serial, SerialUSB, a TCP client.
#ifndef TFLM_TRAIN_AGENT_ARDUINO_STREAM_H_
#define TFLM_TRAIN_AGENT_ARDUINO_STREAM_H_

#include "tflm_train/agent/byte_stream.h"

namespace tflm_train {

/// `Stream` has available(), read(), write(data, size) and flush() as Arduino's class does.
template <class Stream>
class ArduinoStream : public ByteStream {
 public:
  explicit ArduinoStream(Stream& stream) : stream_(stream) {}

  int32_t Read(uint8_t* data, size_t size) override {
    size_t count = 0;
    while (count < size && stream_.available() > 0) {
      const int byte = stream_.read();
      if (byte < 0) break;
      data[count++] = static_cast<uint8_t>(byte);
    }
    return static_cast<int32_t>(count);
  }
  void Write(const uint8_t* data, size_t size) override { stream_.write(data, size); }
  void Flush() override { stream_.flush(); }

 private:
  Stream& stream_;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_ARDUINO_STREAM_H_
