#include "tflm_train/agent/frame.h"

#include "tflm_train/agent/payload.h"
#include "tflm_train/base/crc32.h"

namespace tflm_train {

bool FrameReader::Push(uint8_t byte, Frame* frame) {
  if (byte != 0) {
    if (used_ == size_) {
      overflow_ = true;
    } else {
      buffer_[used_++] = byte;
    }
    return false;
  }
  const size_t encoded = used_;
  const bool whole = !overflow_;
  used_ = 0;
  overflow_ = false;
  if (!whole) return false;
  const ptrdiff_t decoded = CobsDecode(buffer_, encoded);
  if (decoded < static_cast<ptrdiff_t>(FrameBytes(0))) return false;
  const size_t body = static_cast<size_t>(decoded) - kFrameCrcBytes;
  frame->crc = PayloadReader(buffer_ + body, kFrameCrcBytes).U32();
  if (frame->crc != Crc32Of(buffer_, static_cast<uint32_t>(body))) return false;
  PayloadReader header(buffer_, kFrameHeaderBytes);
  frame->version = header.U8();
  frame->command = header.U8();
  frame->status = header.U16();
  frame->sequence = header.U32();
  frame->payload = buffer_ + kFrameHeaderBytes;
  frame->payload_size = body - kFrameHeaderBytes;
  return true;
}

void SendFrame(uint8_t* buffer, uint8_t command, uint16_t status, uint32_t sequence, size_t payload_size,
               ByteStream& stream) {
  PayloadWriter header(buffer, kFrameHeaderBytes);
  header.U8(kProtocolVersion);
  header.U8(command);
  header.U16(status);
  header.U32(sequence);
  const size_t body = kFrameHeaderBytes + payload_size;
  PayloadWriter(buffer + body, kFrameCrcBytes).U32(Crc32Of(buffer, static_cast<uint32_t>(body)));
  ResendFrame(buffer, payload_size, stream);
}

void ResendFrame(const uint8_t* buffer, size_t payload_size, ByteStream& stream) {
  // the separator in front ends whatever noise the receiver has collected
  static constexpr uint8_t kSeparator = 0;
  stream.Write(&kSeparator, 1);
  CobsWrite(buffer, FrameBytes(payload_size), stream);
  stream.Write(&kSeparator, 1);
  stream.Flush();
}

}  // namespace tflm_train
