// The state of training as bytes.
#include <cstring>

#include "tflm_train/train/trainer.h"

namespace tflm_train {
namespace {

/// In front of the arena's persistent part.
struct StateHeader {
  uint32_t plan_crc;
  uint32_t pending;
};
constexpr uint32_t kHeaderBytes = sizeof(StateHeader);

bool Within(uint32_t offset, uint32_t bytes, uint32_t size) { return offset <= size && bytes <= size - offset; }

}  // namespace

uint32_t Trainer::state_bytes() const { return ready() ? kHeaderBytes + plan_.defaults().constants_offset : 0; }

Status Trainer::ReadState(uint32_t offset, void* to, uint32_t bytes) const {
  if (!ready()) return Status::kNotInitialized;
  if (to == nullptr || !Within(offset, bytes, state_bytes())) return Status::kInvalidArgument;
  const StateHeader header = {plan_.plan_crc(), pending_};
  auto* next = static_cast<uint8_t*>(to);
  if (offset < kHeaderBytes) {
    const uint32_t of_header = bytes < kHeaderBytes - offset ? bytes : kHeaderBytes - offset;
    std::memcpy(next, reinterpret_cast<const uint8_t*>(&header) + offset, of_header);
    next += of_header;
    offset += of_header;
    bytes -= of_header;
  }
  if (bytes > 0) std::memcpy(next, arena_ + (offset - kHeaderBytes), bytes);
  return Status::kOk;
}

Status Trainer::WriteState(uint32_t offset, const void* from, uint32_t bytes) {
  if (!ready()) return Status::kNotInitialized;
  if (from == nullptr || !Within(offset, bytes, state_bytes())) return Fail(Status::kInvalidArgument, Subject::kState);
  const auto* next = static_cast<const uint8_t*>(from);
  if (offset < kHeaderBytes) {
    StateHeader header;
    if (offset != 0 || bytes < kHeaderBytes) return Fail(Status::kInvalidArgument, Subject::kState);
    std::memcpy(&header, next, kHeaderBytes);
    if (header.plan_crc != plan_.plan_crc() || header.pending >= options_.accumulate) {
      return Fail(Status::kInvalidArgument, Subject::kState);
    }
    pending_ = header.pending;
    next += kHeaderBytes;
    offset += kHeaderBytes;
    bytes -= kHeaderBytes;
  }
  if (bytes > 0) std::memcpy(arena_ + (offset - kHeaderBytes), next, bytes);
  return Status::kOk;
}

Status Trainer::WriteParameter(uint32_t index, uint32_t offset, const void* from, uint32_t bytes) {
  if (!ready()) return Status::kNotInitialized;
  const ParameterView view = parameter(index);
  if (view.data == nullptr || (from == nullptr && bytes > 0) || !Within(offset, bytes, view.bytes())) {
    return Fail(Status::kInvalidArgument, Subject::kParameter);
  }
  if (bytes == 0) return Status::kOk;
  std::memcpy(static_cast<uint8_t*>(view.data) + offset, from, bytes);
  if (view.remainder != nullptr) {
    const uint32_t element_bytes = ScalarBytes(view.type, 1), first = offset / element_bytes;
    std::memset(view.remainder + first, 0, (offset + bytes - 1) / element_bytes + 1 - first);
  }
  return Status::kOk;
}

}  // namespace tflm_train
