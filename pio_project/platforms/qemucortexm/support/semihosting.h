// Calls from the emulated program to QEMU (Arm semihosting, 32-bit).
#ifndef QEMUCORTEXM_SEMIHOSTING_H_
#define QEMUCORTEXM_SEMIHOSTING_H_

#include <cstdint>

namespace semihosting {

enum class Operation : uint32_t {
  kOpen = 0x01,
  kWrite = 0x05,
  kIsTty = 0x09,
  kExitExtended = 0x20,
};

/// `arguments`: the operation's block of words. Returns what the operation leaves in r0.
inline int32_t Call(Operation operation, const uint32_t* arguments) {
  register uint32_t r0 __asm("r0") = static_cast<uint32_t>(operation);
  register const uint32_t* r1 __asm("r1") = arguments;
  __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return static_cast<int32_t>(r0);
}

}  // namespace semihosting

#endif  // QEMUCORTEXM_SEMIHOSTING_H_
