#include "uart.h"

#include "uart_registers.h"

namespace tflm_train {

namespace {

constexpr uint32_t kIrqWord = QEMU_UART_IRQ / 32 * 4;
constexpr uint32_t kIrqBit = 1u << QEMU_UART_IRQ % 32;

/// Sleeps until the UART's interrupt is pending. The interrupt only wakes the processor: it is never taken, so that
/// nothing else than the timer's handler runs beside a training step.
void Sleep() {
  __asm volatile("cpsid i" ::: "memory");
  Register(0xE000E100 + kIrqWord) = kIrqBit;  // enable
  if (!uart::CanRead()) __asm volatile("wfi" ::: "memory");
  Register(0xE000E180 + kIrqWord) = kIrqBit;  // disable
  uart::ClearInterrupt();
  Register(0xE000E280 + kIrqWord) = kIrqBit;  // no longer pending
  __asm volatile("cpsie i\n isb" ::: "memory");
}

}  // namespace

Uart::Uart() { uart::Enable(); }

int32_t Uart::Read(uint8_t* data, size_t size) {
  while (!uart::CanRead()) Sleep();
  size_t count = 0;
  while (count < size && uart::CanRead()) data[count++] = static_cast<uint8_t>(uart::Data());
  return static_cast<int32_t>(count);
}

void Uart::Write(const uint8_t* data, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    while (!uart::CanWrite()) {
    }
    uart::Data() = data[i];
  }
}

}  // namespace tflm_train
