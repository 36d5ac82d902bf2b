// Commands that load a model and describe the device.
#include <cstring>

#include "tflm_train/agent/agent.h"
#include "tflm_train/base/crc32.h"

namespace tflm_train {

namespace {

constexpr size_t kLongestText = 48;

#ifdef TFLM_TRAIN_PARITY
constexpr bool kParity = true;
#else
constexpr bool kParity = false;
#endif

}  // namespace

void Agent::Hello(PayloadReader& request) {
  if (!Complete(request)) return;
  uint32_t flags = 0;
  if (kCountWork) flags |= kCountsWork;
  if (config_.meter != nullptr) flags |= kCountsInstructions;
  if (kParity) flags |= kParityBuild;
  if (config_.model != nullptr) flags |= kHasBuiltInModel;
  reply_.U32(flags);
  reply_.U32(static_cast<uint32_t>(config_.frame_payload));
  reply_.U32(static_cast<uint32_t>(pool_.size));
  reply_.U32(static_cast<uint32_t>(config_.model_bytes));
  reply_.U32(config_.model == nullptr
                 ? 0
                 : Crc32Of(static_cast<const uint8_t*>(config_.model), static_cast<uint32_t>(config_.model_bytes)));
  reply_.Text(config_.name, kLongestText);
}

void Agent::Describe(PayloadReader& request) {
  if (!Complete(request)) return;
  reply_.U32(trainer_.input_elements());
  reply_.U32(trainer_.output_elements());
  reply_.U32(trainer_.parameter_count());
  reply_.U32(arena_bytes_);
  reply_.U32(sizeof(Trainer));
  reply_.U32(model_bytes_);
  reply_.U32(model_crc_);
  reply_.U32(static_cast<uint32_t>(trainer_.input_type()));
  reply_.U32(InputBytes());
  reply_.U32(static_cast<uint32_t>(trainer_.output_type()));
  reply_.U32(OutputBytes());
}

void Agent::StatusSentence(PayloadReader& request) {
  const uint32_t status = request.U32();
  if (!Complete(request)) return;
  reply_.Text(StatusText(static_cast<tflm_train::Status>(status)), reply_.room());
}

void Agent::LoadBegin(PayloadReader& request) {
  const uint32_t bytes = request.U32();
  const uint32_t crc = request.U32();
  if (!Complete(request)) return;
  Memory memory = pool_;
  uint8_t* const place = memory.Take(bytes);
  if (place == nullptr) {
    reply_.U32(static_cast<uint32_t>(pool_.size));
    return Fail(ProtocolStatus::kNoMemory);
  }
  Unload();
  loading_ = place;
  spare_ = memory;
  loading_bytes_ = bytes;
  loading_crc_ = crc;
}

void Agent::LoadData(PayloadReader& request) {
  const uint32_t offset = request.U32();
  const size_t size = request.rest();
  if (!request.ok()) return Fail(ProtocolStatus::kBadLength);
  if (loading_ == nullptr) return Fail(ProtocolStatus::kNoModel);
  if (offset > loading_bytes_ || size > loading_bytes_ - offset) return Fail(ProtocolStatus::kOutOfRange);
  const uint8_t* data = request.Bytes(size);
  if (size > 0) std::memcpy(loading_ + offset, data, size);
}

void Agent::LoadEnd(PayloadReader& request) {
  const Wanted wanted(request);
  if (!Complete(request)) return;
  if (loading_ == nullptr) return Fail(ProtocolStatus::kNoModel);
  if (Crc32Of(loading_, loading_bytes_) != loading_crc_) return Fail(ProtocolStatus::kModelDamaged);
  const uint8_t* model = loading_;
  loading_ = nullptr;
  model_crc_ = loading_crc_;
  Start(model, loading_bytes_, wanted, spare_);
}

void Agent::UseBuiltIn(PayloadReader& request) {
  const Wanted wanted(request);
  if (!Complete(request)) return;
  if (config_.model == nullptr) return Fail(ProtocolStatus::kNoModel);
  Unload();
  model_crc_ = Crc32Of(static_cast<const uint8_t*>(config_.model), static_cast<uint32_t>(config_.model_bytes));
  Start(config_.model, config_.model_bytes, wanted, pool_);
}

void Agent::Start(const void* model, size_t model_bytes, const Wanted& wanted, Memory memory) {
  const bool from_cut = wanted.programs == static_cast<uint32_t>(Programs::kFromCut);
  if (!from_cut && wanted.programs != static_cast<uint32_t>(Programs::kWhole)) {
    return Fail(ProtocolStatus::kOutOfRange);
  }
  uint8_t* arena = memory.Take(wanted.arena_bytes);
  if (arena == nullptr) {
    reply_.U32(static_cast<uint32_t>(memory.size));
    return Fail(ProtocolStatus::kNoMemory);
  }
  const OperatorSet& operators = *config_.operators;
  const tflm_train::Status status = from_cut
                                        ? trainer_.InitFromCut(model, model_bytes, operators, arena, wanted.arena_bytes)
                                        : trainer_.Init(model, model_bytes, operators, arena, wanted.arena_bytes);
  if (status != tflm_train::Status::kOk) return RefuseModel(status);
  const uint32_t replay_bytes = from_cut ? 0 : LatentReplay::Bytes(trainer_.plan());
  replay_ = {};
  if (replay_bytes > 0) {
    uint8_t* const kept = memory.Take(replay_bytes);
    if (kept == nullptr) {
      reply_.U32(static_cast<uint32_t>(memory.size));
      return Fail(ProtocolStatus::kNoMemory);
    }
    const tflm_train::Status started = replay_.Init(&trainer_, kept, replay_bytes);
    if (started != tflm_train::Status::kOk) return RefuseModel(started);
  }
  const uint32_t align_bytes = from_cut ? 0 : Alignment::Bytes(trainer_.plan());
  alignment_ = {};
  if (align_bytes > 0) {
    uint8_t* const sums = memory.Take(align_bytes);
    if (sums == nullptr) {
      reply_.U32(static_cast<uint32_t>(memory.size));
      return Fail(ProtocolStatus::kNoMemory);
    }
    const tflm_train::Status started = alignment_.Init(&trainer_, sums, align_bytes);
    if (started != tflm_train::Status::kOk) return RefuseModel(started);
  }
  teacher_ = {};
  if (trainer_.plan().defaults().spare_classes > 0) {
    const tflm_train::Status started = teacher_.Init(&trainer_);
    if (started != tflm_train::Status::kOk) return RefuseModel(started);
  }
  loaded_ = true;
  model_bytes_ = static_cast<uint32_t>(model_bytes);
  arena_bytes_ = wanted.arena_bytes;
  spare_ = memory;
}

void Agent::RefuseModel(tflm_train::Status status) {
  SetStatus(status);
  const ErrorDetail& detail = trainer_.error();
  reply_.U32(detail.required_bytes);
  reply_.U32(detail.step);
  reply_.Text(detail.Text(), kLongestText);
}

void Agent::Unload() {
  loaded_ = false;
  loading_ = nullptr;
  staging_ = nullptr;
  output_ = nullptr;
  steps_ = 0;
  EndSchedule();
  spare_ = pool_;
  if (config_.meter != nullptr) config_.meter->Reset();
}

}  // namespace tflm_train
