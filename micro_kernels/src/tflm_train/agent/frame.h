// Frames: header, payload, CRC-32; encoded with COBS, separated by zeros.
#ifndef TFLM_TRAIN_AGENT_FRAME_H_
#define TFLM_TRAIN_AGENT_FRAME_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/agent/byte_stream.h"
#include "tflm_train/agent/cobs.h"
#include "tflm_train/agent/protocol.h"

namespace tflm_train {

/// A frame that arrived whole: its checksum is right.
struct Frame {
  uint8_t version;
  uint8_t command;
  uint16_t status;  // reserved in requests, status in replies
  uint32_t sequence;
  uint32_t crc;
  const uint8_t* payload;  // aligned as the buffer is at kFrameHeaderBytes
  size_t payload_size;
};

/// Bytes of a buffer that takes frames with `payload` bytes.
constexpr size_t FrameBytes(size_t payload) { return payload + kFrameHeaderBytes + kFrameCrcBytes; }
constexpr size_t EncodedFrameBytes(size_t payload) { return CobsEncodedBytes(FrameBytes(payload)); }

/// Collects bytes until a separator. What is damaged, too long or not of this protocol is dropped without a word.
class FrameReader {
 public:
  FrameReader() = default;
  FrameReader(uint8_t* buffer, size_t size) : buffer_(buffer), size_(size) {}

  /// Takes one byte. True if it ended a good frame, which stays valid until the next call.
  bool Push(uint8_t byte, Frame* frame);

 private:
  uint8_t* buffer_ = nullptr;
  size_t size_ = 0;
  size_t used_ = 0;
  bool overflow_ = false;
};

/// Completes and sends a frame whose payload stands in `buffer` from kFrameHeaderBytes; kFrameCrcBytes follow it.
void SendFrame(uint8_t* buffer, uint8_t command, uint16_t status, uint32_t sequence, size_t payload_size,
               ByteStream& stream);

/// Sends a completed frame again.
void ResendFrame(const uint8_t* buffer, size_t payload_size, ByteStream& stream);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_FRAME_H_
