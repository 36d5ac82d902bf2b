// Calls from the emulated program to QEMU (Arm semihosting, 32-bit).
#ifndef QEMUCORTEXM_SEMIHOSTING_H_
#define QEMUCORTEXM_SEMIHOSTING_H_

#include <cstdint>

namespace semihosting {

enum class Operation : uint32_t {
  kOpen = 0x01,
  kWrite = 0x05,
  kRead = 0x06,
  kIsTty = 0x09,
  kGetCommandLine = 0x15,
  kExitExtended = 0x20,
};

/// Modes of kOpen: those of C's fopen, numbered.
enum OpenMode : uint32_t { kReadBinary = 1, kWriteText = 4, kWriteBinary = 5, kAppendText = 8, kAppendBinary = 9 };

/// `arguments`: the operation's block of words. Returns what the operation leaves in r0.
inline int32_t Call(Operation operation, const uint32_t* arguments) {
  register uint32_t r0 __asm("r0") = static_cast<uint32_t>(operation);
  register const uint32_t* r1 __asm("r1") = arguments;
  __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return static_cast<int32_t>(r0);
}

/// A handle of the file, -1 if it cannot be opened. `size`: length of the name.
inline int32_t Open(const char* name, uint32_t size, OpenMode mode) {
  const uint32_t arguments[] = {reinterpret_cast<uint32_t>(name), mode, size};
  return Call(Operation::kOpen, arguments);
}

}  // namespace semihosting

#endif  // QEMUCORTEXM_SEMIHOSTING_H_
