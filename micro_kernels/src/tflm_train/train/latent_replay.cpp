#include "tflm_train/train/latent_replay.h"

#include <cstring>

#include "tflm_train/base/counter_random.h"
#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/finite.h"
#include "tflm_train/train/trainer_memory.h"

namespace tflm_train {
namespace {

constexpr uint32_t kFull = 0x80000000u;
constexpr float kLargest = 127.0f;  // integer

bool TrainsWhole(const ProgramRecord* program) {
  return program != nullptr && program->kind == static_cast<uint16_t>(ProgramKind::kTrain);
}

const ProgramRecord* FromCut(const PlanReader& plan, ForwardKind kind) {
  return plan.program(ProgramKind::kTrainFromCut, kind);
}

float LargestMagnitude(const float* values, uint32_t count) {
  float largest = 0.0f;
  for (uint32_t i = 0; i < count; ++i) {
    const float magnitude = values[i] < 0.0f ? -values[i] : values[i];
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

}  // namespace

uint32_t LatentReplay::Classes(const PlanReader& plan) {
  const uint32_t classes = plan.defaults().classes;
  return classes < 2 ? 2 : classes;  // of one output 0 and 1
}

uint64_t LatentReplay::SlotBytes(const PlanReader& plan, uint32_t elements) {
  const bool integers = plan.defaults().replay_type == static_cast<uint16_t>(ScalarType::kInt8);
  return sizeof(Slot) + (integers ? (uint64_t{elements} + 3) / 4 * 4 : uint64_t{elements} * sizeof(float));
}

uint32_t LatentReplay::Bytes(const PlanReader& plan) {
  static_assert(sizeof(Header) == kReplayHeaderBytes && sizeof(Count) == kReplayClassBytes);
  static_assert(sizeof(Slot) == kReplaySlotBytes);
  const DefaultsRecord& defaults = plan.defaults();
  const bool integers = defaults.replay_type == static_cast<uint16_t>(ScalarType::kInt8);
  const ProgramRecord* program = FromCut(plan, ForwardKind::kNative);
  if (program == nullptr) program = FromCut(plan, ForwardKind::kTflm);
  if (defaults.replay != static_cast<uint16_t>(tflm_train::Replay::kLatent) || program == nullptr) return 0;
  if (!integers && defaults.replay_type != static_cast<uint16_t>(ScalarType::kFloat32)) return 0;
  const uint32_t elements = program->input_elements;
  const uint64_t bytes = sizeof(Header) + uint64_t{Classes(plan)} * sizeof(Count) +
                         (integers ? uint64_t{elements} * sizeof(float) : 0) +
                         uint64_t{defaults.slots} * SlotBytes(plan, elements);
  return bytes >> 32 != 0 || defaults.slots == 0 ? 0 : static_cast<uint32_t>(bytes);
}

Status LatentReplay::Init(Trainer* trainer, void* memory, size_t memory_size) {
  trainer_ = nullptr;
  if (trainer == nullptr || !trainer->ready() || !TrainsWhole(trainer->train_)) return Status::kNotInitialized;
  const PlanReader& plan = trainer->plan_;
  const ForwardKind kind = trainer->run_forward_ == nullptr ? ForwardKind::kNative : ForwardKind::kTflm;
  const uint32_t bytes = Bytes(plan);
  const ProgramRecord* from_cut = FromCut(plan, kind);
  if (bytes == 0 || from_cut == nullptr) return trainer->Fail(Status::kNoProgram, Subject::kCut);
  if (memory == nullptr || reinterpret_cast<uintptr_t>(memory) % alignof(Slot) != 0) {
    return trainer->Fail(memory == nullptr ? Status::kInvalidArgument : Status::kMisaligned, Subject::kReplay);
  }
  Status status = trainer->CheckMemory(memory_size, bytes, Subject::kReplay);
  if (status == Status::kOk) status = trainer->Verify(*from_cut);
  if (status != Status::kOk) return status;
  if (!FindKept(*trainer, *from_cut)) return trainer->Fail(Status::kPlanInvalid, Subject::kReplay);
  memory_ = static_cast<uint8_t*>(memory);
  from_cut_ = from_cut;
  slot_bytes_ = static_cast<uint32_t>(SlotBytes(plan, from_cut->input_elements));
  trainer_ = trainer;
  Clear();
  return Status::kOk;
}

/// The cut's value is what the program from the cut reads, and is there when the steps in front of that have run.
bool LatentReplay::FindKept(const Trainer& trainer, const ProgramRecord& from_cut) {
  const PlanReader& plan = trainer.plan_;
  const ProgramRecord& whole = *trainer.train_;
  if (from_cut.forward_count >= whole.forward_count || from_cut.first_operator == 0 ||
      from_cut.arena_bytes > whole.arena_bytes || from_cut.output_elements != whole.output_elements ||
      plan.defaults().classes != whole.output_elements) {
    return false;
  }
  const ValueRecord* const values = plan.values(whole);
  const ValueRecord& input = plan.values(from_cut)[from_cut.input];
  for (uint32_t i = 0; i < whole.value_count; ++i) {
    const ValueRecord& value = values[i];
    if (value.tensor != input.tensor) continue;
    kept_address_ = plan.Address(value);
    const ValueRecord& owner = value.alias == kNoneIndex ? value : values[value.alias];
    return value.type == static_cast<uint8_t>(ScalarType::kFloat32) && value.bytes == input.bytes &&
           value.place == static_cast<uint8_t>(Place::kArena) &&
           owner.first_step < whole.forward_count - from_cut.forward_count;
  }
  return false;
}

void LatentReplay::Clear() {
  if (trainer_ == nullptr) return;
  std::memset(memory_, 0, sizeof(Header) + Classes(trainer_->plan_) * sizeof(Count));
}

Status LatentReplay::Remember(const float* input, int32_t label, float weight, uint32_t* slot) {
  if (slot != nullptr) *slot = kNoSlot;
  if (trainer_ == nullptr) return Status::kNotInitialized;
  if (!IsSampleWeight(weight)) return trainer_->Fail(Status::kInvalidArgument, Subject::kSampleWeight);
  ProgramRecord body = *trainer_->train_;  // without its end, which is the program from the cut
  body.last_operator = static_cast<uint16_t>(from_cut_->first_operator - 1);
  body.forward_count -= from_cut_->forward_count;
  const Trainer::Memory memory(*trainer_, body, input);
  const Status status = trainer_->RunForward(body, input, memory);
  return status == Status::kOk ? Keep(memory.Floats(kept_address_), label, weight, slot) : status;
}

Status LatentReplay::Replay(uint32_t slot, StepResult* result) {
  if (trainer_ == nullptr) return Status::kNotInitialized;
  if (slot >= used()) return trainer_->Fail(Status::kInvalidArgument, Subject::kReplay);
  const Slot& kept = *SlotAt(slot);
  const float* activation = reinterpret_cast<const float*>(&kept + 1);
  if (KeepsIntegers()) {
    const auto* integers = reinterpret_cast<const int8_t*>(&kept + 1);
    for (uint32_t i = 0; i < from_cut_->input_elements; ++i) {
      numbers()[i] = kept.scale * static_cast<float>(integers[i]);
    }
    activation = numbers();
  }
  return trainer_->RunWeightedStep(*from_cut_, activation, Label::Class(kept.label), kept.weight, result);
}

uint32_t LatentReplay::Draw() { return used() == 0 ? kNoSlot : Below(used()); }

bool LatentReplay::KeepsIntegers() const {
  return trainer_->plan_.defaults().replay_type == static_cast<uint16_t>(ScalarType::kInt8);
}

Status LatentReplay::Keep(const float* activation, int32_t label, float weight, uint32_t* slot) {
  const uint32_t elements = from_cut_->input_elements;
  if (static_cast<uint32_t>(label) >= Classes(trainer_->plan_)) {
    return trainer_->Fail(Status::kInvalidLabel, Subject::kLabel);
  }
  if (!AllFinite(activation, elements)) return trainer_->Fail(Status::kNonFinite, Subject::kReplay);
  const uint32_t chosen = Choose(static_cast<uint32_t>(label));
  if (slot != nullptr) *slot = chosen;
  if (chosen == kNoSlot) return Status::kOk;
  Slot& kept = *SlotAt(chosen);
  kept = {label, weight, 1.0f};
  if (!KeepsIntegers()) {
    std::memcpy(&kept + 1, activation, elements * sizeof(float));
    return Status::kOk;
  }
  const float largest = LargestMagnitude(activation, elements);
  kept.scale = largest / kLargest;
  const float inverse = kept.scale > 0.0f ? 1.0f / kept.scale : 0.0f;
  auto* integers = reinterpret_cast<int8_t*>(&kept + 1);
  for (uint32_t i = 0; i < elements; ++i) {
    const int32_t nearest = RoundHalfUp<int8_t>(activation[i] * inverse);
    integers[i] = static_cast<int8_t>(nearest < -127 ? -127 : nearest > 127 ? 127 : nearest);
  }
  return Status::kOk;
}

/// The slot of a new sample of a class, kNoSlot: it is left. Counts are as if it was written.
uint32_t LatentReplay::Choose(uint32_t label) {
  Count* const count = counts();
  ++count[label].seen;
  if (used() < slots()) {
    ++count[label].kept;
    return header()->used++;
  }
  uint32_t largest = 0;
  for (uint32_t i = 1; i < Classes(trainer_->plan_); ++i) {
    if ((count[i].kept & ~kFull) > (count[largest].kept & ~kFull)) largest = i;
  }
  count[largest].kept |= kFull;
  uint32_t leaves = label;
  if ((count[label].kept & kFull) == 0) {
    leaves = largest;
  } else if (Below(count[label].seen) >= (count[label].kept & ~kFull)) {
    return kNoSlot;
  }
  const uint32_t slot = OfClass(leaves, Below(count[leaves].kept & ~kFull));
  --count[leaves].kept;
  ++count[label].kept;
  return slot;
}

/// By chance below `end`, which is not 0.
uint32_t LatentReplay::Below(uint32_t end) {
  const uint32_t random = CounterRandom(trainer_->plan_.defaults().seed, header()->drawn++);
  return static_cast<uint32_t>(uint64_t{random} * end >> 32);
}

/// The slot at a position among those of a class.
uint32_t LatentReplay::OfClass(uint32_t label, uint32_t position) const {
  uint32_t slot = 0;
  for (; slot + 1 < used(); ++slot) {
    if (static_cast<uint32_t>(SlotAt(slot)->label) == label && position-- == 0) break;
  }
  return slot;
}

float* LatentReplay::numbers() const { return reinterpret_cast<float*>(counts() + Classes(trainer_->plan_)); }

LatentReplay::Slot* LatentReplay::SlotAt(uint32_t slot) const {
  const uint32_t elements = KeepsIntegers() ? from_cut_->input_elements : 0;
  auto* first = reinterpret_cast<uint8_t*>(numbers() + elements);
  return reinterpret_cast<Slot*>(first + size_t{slot} * slot_bytes_);
}

}  // namespace tflm_train
