#include "tflm_train/train/remembered_loss.h"

#include <cstring>

#include "tflm_train/kernels/math.h"

namespace tflm_train {
namespace {

constexpr uint32_t kLongestAbsence = 4;  // epochs, a power of two
// A byte: epochs to sit out still, and above them how many it will sit out when it is easy next; 0 stands for one.
constexpr uint32_t kAbsenceBits = 4;
constexpr uint32_t kAbsenceMask = (1u << kAbsenceBits) - 1;

}  // namespace

Status RememberedLoss::Init(uint8_t* memory, uint32_t samples, float threshold) {
  samples_ = 0;
  if (memory == nullptr || !(threshold >= 0.0f && threshold < 1.0f)) return Status::kInvalidArgument;
  std::memset(memory, 0, Bytes(samples));
  memory_ = memory;
  samples_ = samples;
  easy_ = -Log(1.0f - threshold);
  return Status::kOk;
}

bool RememberedLoss::Next(uint32_t sample) {
  if (sample >= samples_ || (memory_[sample] & kAbsenceMask) == 0) return true;
  --memory_[sample];
  return false;
}

void RememberedLoss::Remember(uint32_t sample, float loss, float weight) {
  if (sample >= samples_) return;
  uint32_t next = memory_[sample] >> kAbsenceBits;
  if (next == 0) next = 1;
  const bool easy = loss / weight < easy_;  // not of 0 / 0
  const uint32_t after = next < kLongestAbsence ? 2 * next : next;
  memory_[sample] = static_cast<uint8_t>(easy ? after << kAbsenceBits | next : 0);
}

}  // namespace tflm_train
