#include "semihosting_stream.h"

#include <cstring>

namespace tflm_train {

using semihosting::Operation;

SemihostingStream::SemihostingStream()
    : input_(semihosting::Open("/dev/stdin", 10, semihosting::kReadBinary)),
      output_(semihosting::Open("/dev/stdout", 11, semihosting::kWriteBinary)) {}

int32_t SemihostingStream::Read(uint8_t* data, size_t size) {
  const uint32_t arguments[] = {static_cast<uint32_t>(input_), reinterpret_cast<uint32_t>(data), size};
  const int32_t missing = semihosting::Call(Operation::kRead, arguments);
  const int32_t count = static_cast<int32_t>(size) - missing;
  return count <= 0 ? kClosed : count;
}

void SemihostingStream::Write(const uint8_t* data, size_t size) {
  while (size > 0) {
    if (used_ == sizeof buffer_) Flush();
    const size_t room = sizeof buffer_ - used_;
    const size_t count = size < room ? size : room;
    std::memcpy(buffer_ + used_, data, count);
    used_ += count;
    data += count;
    size -= count;
  }
}

void SemihostingStream::Flush() {
  const uint8_t* data = buffer_;
  while (used_ > 0) {
    const uint32_t arguments[] = {static_cast<uint32_t>(output_), reinterpret_cast<uint32_t>(data), used_};
    const uint32_t missing = static_cast<uint32_t>(semihosting::Call(Operation::kWrite, arguments));
    if (missing >= used_) break;  // nobody reads any more: the next Read tells
    data += used_ - missing;
    used_ = missing;
  }
  used_ = 0;
}

bool HasArgument(const char* word) {
  char line[128];
  uint32_t arguments[] = {reinterpret_cast<uint32_t>(line), sizeof line};
  if (semihosting::Call(Operation::kGetCommandLine, arguments) != 0) return false;
  line[sizeof line - 1] = '\0';
  const char* found = std::strstr(line, word);
  const size_t size = std::strlen(word);
  return found != nullptr && (found == line || found[-1] == ' ') && (found[size] == '\0' || found[size] == ' ');
}

}  // namespace tflm_train
