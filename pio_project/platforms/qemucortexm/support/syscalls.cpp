// What newlib needs of an operating system: output and exit through semihosting, a heap up to the stack.
#include <sys/stat.h>
#include <sys/time.h>

#include <cerrno>
#include <cstddef>

#include "semihosting.h"

namespace {

using semihosting::Operation;

/// QEMU's standard output or error. Its console ":tt" would send both to standard error; it serves where the
/// files cannot be opened again (a socket).
uint32_t OpenOutput(const char* file, uint32_t size, semihosting::OpenMode console_mode) {
  const int32_t handle = semihosting::Open(file, size, semihosting::kAppendBinary);
  return static_cast<uint32_t>(handle >= 0 ? handle : semihosting::Open(":tt", 3, console_mode));
}

uint32_t Handle(int file) {
  static uint32_t handles[2];
  static bool open = false;
  if (!open) {
    handles[0] = OpenOutput("/dev/stdout", 11, semihosting::kWriteText);
    handles[1] = OpenOutput("/dev/stderr", 11, semihosting::kAppendText);
    open = true;
  }
  return handles[file == 2 ? 1 : 0];
}

}  // namespace

extern "C" {

extern char __heap_start[];

int _write(int file, const char* data, int size) {
  const uint32_t arguments[] = {Handle(file), reinterpret_cast<uint32_t>(data), static_cast<uint32_t>(size)};
  return size - semihosting::Call(Operation::kWrite, arguments);  // the call returns what it did not write
}

void* _sbrk(ptrdiff_t change) {
  static char* top = __heap_start;
  char* stack;
  __asm volatile("mov %0, sp" : "=r"(stack));
  if (change > stack - top) {
    errno = ENOMEM;
    return reinterpret_cast<void*>(-1);
  }
  char* old = top;
  top += change;
  return old;
}

[[noreturn]] void _exit(int status) {
  constexpr uint32_t kApplicationExit = 0x20026;
  const uint32_t arguments[] = {kApplicationExit, static_cast<uint32_t>(status)};
  for (;;) semihosting::Call(Operation::kExitExtended, arguments);
}

// Stands still: the host's clock would make runs differ.
int _gettimeofday(struct timeval* now, void*) {
  *now = {};
  return 0;
}

int _isatty(int file) {
  const uint32_t arguments[] = {Handle(file)};
  return semihosting::Call(Operation::kIsTty, arguments) == 1;
}

int _open(const char*, int, int) {
  errno = ENOENT;
  return -1;
}
int _read(int, char*, int) { return 0; }
int _close(int) { return -1; }
int _lseek(int, int, int) { return 0; }
int _getpid() { return 1; }
int _kill(int, int) { _exit(71); }
int _fstat(int, struct stat* status) {
  status->st_mode = S_IFCHR;
  return 0;
}

}  // extern "C"
