#include <doctest.h>

#include <string>

#include "tflm_train/agent/arduino_stream.h"

namespace {

/// What the adapter needs of Arduino's class.
struct FakeSerial {
  std::string incoming, outgoing;
  int flushes = 0;

  int available() { return static_cast<int>(incoming.size()); }
  int read() {
    if (incoming.empty()) return -1;
    const int byte = static_cast<unsigned char>(incoming[0]);
    incoming.erase(0, 1);
    return byte;
  }
  size_t write(const uint8_t* data, size_t size) {
    outgoing.append(reinterpret_cast<const char*>(data), size);
    return size;
  }
  void flush() { ++flushes; }
};

}  // namespace

TEST_CASE("an Arduino stream is read without waiting and written") {
  FakeSerial serial;
  tflm_train::ArduinoStream<FakeSerial> stream(serial);
  uint8_t bytes[3];
  CHECK(stream.Read(bytes, sizeof bytes) == 0);
  serial.incoming =
      "ab\xFF"
      "cd";
  CHECK(stream.Read(bytes, sizeof bytes) == 3);
  CHECK(bytes[2] == 0xFF);
  CHECK(stream.Read(bytes, sizeof bytes) == 2);
  CHECK(bytes[1] == 'd');
  const uint8_t answer[] = {'x', 0, 'y'};
  stream.Write(answer, sizeof answer);
  stream.Flush();
  CHECK(serial.outgoing == std::string("x\0y", 3));
  CHECK(serial.flushes == 1);
}
