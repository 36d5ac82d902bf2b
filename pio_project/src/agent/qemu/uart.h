// The first UART of the emulated board.
#ifndef TFLM_TRAIN_AGENT_QEMU_UART_H_
#define TFLM_TRAIN_AGENT_QEMU_UART_H_

#include "tflm_train/agent/byte_stream.h"

namespace tflm_train {

class Uart final : public ByteStream {
 public:
  Uart();
  /// Sleeps until a byte comes; then takes what follows at once.
  int32_t Read(uint8_t* data, size_t size) override;
  void Write(const uint8_t* data, size_t size) override;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_QEMU_UART_H_
