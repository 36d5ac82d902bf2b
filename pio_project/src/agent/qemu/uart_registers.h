// What differs between UARTs: registers, for CMSDK (Arm MPS2 and MPS3) and STM32F2/F4.
#ifndef TFLM_TRAIN_AGENT_QEMU_UART_REGISTERS_H_
#define TFLM_TRAIN_AGENT_QEMU_UART_REGISTERS_H_

#include <cstdint>

namespace tflm_train {

inline volatile uint32_t& Register(uint32_t address) { return *reinterpret_cast<volatile uint32_t*>(address); }

namespace uart {

#if defined(QEMU_UART_CMSDK)

// Arm Cortex-M System Design Kit, "UART programmers model".
inline volatile uint32_t& Data() { return Register(QEMU_UART_BASE); }
inline bool CanRead() { return (Register(QEMU_UART_BASE + 0x04) & 2u) != 0; }
inline bool CanWrite() { return (Register(QEMU_UART_BASE + 0x04) & 1u) == 0; }
inline void ClearInterrupt() { Register(QEMU_UART_BASE + 0x0C) = 2; }
inline void Enable() {
  Register(QEMU_UART_BASE + 0x10) = 16;                 // baud rate divider: the fastest
  Register(QEMU_UART_BASE + 0x08) = 1u | 2u | 1u << 3;  // transmit, receive, interrupt on receive
}

#elif defined(QEMU_UART_STM32)

// STM32F405 reference manual RM0090, "USART registers".
inline volatile uint32_t& Data() { return Register(QEMU_UART_BASE + 0x04); }
inline bool CanRead() { return (Register(QEMU_UART_BASE) & 1u << 5) != 0; }
inline bool CanWrite() { return (Register(QEMU_UART_BASE) & 1u << 7) != 0; }
inline void ClearInterrupt() {}  // reading the data clears it
inline void Enable() {
  Register(QEMU_UART_BASE + 0x0C) =
      1u << 13 | 1u << 5 | 1u << 3 | 1u << 2;  // on, interrupt on receive, transmit, receive
}

#endif

}  // namespace uart
}  // namespace tflm_train

#endif  // TFLM_TRAIN_AGENT_QEMU_UART_REGISTERS_H_
