// QEMU's own standard input and output, through semihosting: some hundred times faster than its UARTs.
#ifndef TFLM_TRAIN_AGENT_QEMU_SEMIHOSTING_STREAM_H_
#define TFLM_TRAIN_AGENT_QEMU_SEMIHOSTING_STREAM_H_

#include <semihosting.h>

#include "tflm_train/agent/byte_stream.h"

namespace tflm_train {

/// Closed when the other side closes its end.
class SemihostingStream final : public ByteStream {
 public:
  SemihostingStream();
  int32_t Read(uint8_t* data, size_t size) override;
  void Write(const uint8_t* data, size_t size) override;
  void Flush() override;

 private:
  int32_t input_;
  int32_t output_;
  uint8_t buffer_[512];
  size_t used_ = 0;
};

/// Whether QEMU was started with this word as the program's argument (-semihosting-config arg=...).
bool HasArgument(const char* word);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_QEMU_SEMIHOSTING_STREAM_H_
