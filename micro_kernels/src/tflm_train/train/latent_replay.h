// Latent replay: activations of samples are kept at the plan's cut, and train what lies behind it again.
#ifndef TFLM_TRAIN_TRAIN_LATENT_REPLAY_H_
#define TFLM_TRAIN_TRAIN_LATENT_REPLAY_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/train/trainer.h"

namespace tflm_train {

/// Keeps activations of samples, of some slots as many as the plan says. Nothing in front of the cut runs or trains
/// when one is replayed; once that is frozen, a replay is what a step would be. Stands above a trainer that was started
/// for the whole model (Init, or InitWithForwardPass), by a plan of `convert --replay latent`.
///
/// Which samples stay when there are more than slots: a fair choice of each class, and as many of each class as the
/// others leave room for (class-balancing reservoir sampling; Chrysakis and Moens, "Online Continual Learning from
/// Imbalanced Data", 2020). Random numbers come from the plan's seed and a counter.
class LatentReplay {
 public:
  static constexpr uint32_t kNoSlot = 0xFFFFFFFFu;

  /// Of the memory for the plan's slots, as `convert` states it (replay_bytes); 0: it has none, or they take more than
  /// 2^32 - 1.
  TFLM_TRAIN_COLD static uint32_t Bytes(const PlanReader& plan);

  /// Starts with nothing kept. `memory`, aligned to 4 and of Bytes at least, belongs to the caller; it and the trainer
  /// must outlive this object. kNotInitialized: the trainer is not, or not for the whole model; kNoProgram: the plan
  /// keeps nothing; kArenaTooSmall: memory; others as Trainer::Init, of the programs from the cut. The trainer's
  /// error() tells more.
  TFLM_TRAIN_COLD Status Init(Trainer* trainer, void* memory, size_t memory_size);
  /// Forgets all. To be called where what lies in front of the cut was changed by something else than training.
  void Clear();

  /// Computes the activation of a sample, as Trainer::Step does, and keeps it with the sample's class and weight; what
  /// lies behind the cut does not run, and nothing trains. `*slot`: where it is kept, kNoSlot if the others stay; null:
  /// not wanted. kInvalidLabel, kInvalidArgument (weight), kNonFinite (input or activation): nothing was kept.
  Status Remember(const float* input, int32_t label, float weight = 1.0f, uint32_t* slot = nullptr);
  /// Trains on a slot: what lies behind the cut. kInvalidArgument: there is nothing in it.
  Status Replay(uint32_t slot, StepResult* result = nullptr);
  /// A slot by chance, kNoSlot where nothing is kept.
  uint32_t Draw();

  /// Slots with something in them: the first of all. 0 before Init.
  uint32_t used() const { return trainer_ == nullptr ? 0 : header()->used; }
  uint32_t slots() const { return trainer_ == nullptr ? 0 : trainer_->plan_.defaults().slots; }
  /// Class and weight of what a used slot keeps.
  int32_t label(uint32_t slot) const { return SlotAt(slot)->label; }
  float weight(uint32_t slot) const { return SlotAt(slot)->weight; }

 private:
  struct Header {
    uint32_t used;
    uint32_t drawn;  // random numbers
  };
  /// Of a class.
  struct Count {
    uint32_t seen;
    uint32_t kept;  // and kFull, of one that has been the largest when all slots were used
  };
  struct Slot {
    int32_t label;
    float weight;
    float scale;  // of integers
  };
  static uint32_t Classes(const PlanReader& plan);
  static uint64_t SlotBytes(const PlanReader& plan, uint32_t elements);
  TFLM_TRAIN_COLD bool FindKept(const Trainer& trainer, const ProgramRecord& from_cut);
  bool KeepsIntegers() const;
  Status Keep(const float* activation, int32_t label, float weight, uint32_t* slot);
  uint32_t Choose(uint32_t label);
  uint32_t Below(uint32_t end);
  uint32_t OfClass(uint32_t label, uint32_t position) const;
  Header* header() const { return reinterpret_cast<Header*>(memory_); }
  Count* counts() const { return reinterpret_cast<Count*>(memory_ + sizeof(Header)); }
  float* numbers() const;
  Slot* SlotAt(uint32_t slot) const;

  Trainer* trainer_ = nullptr;
  uint8_t* memory_ = nullptr;
  const ProgramRecord* from_cut_ = nullptr;
  uint32_t kept_address_ = 0;  // of the cut's value in the trainer's program
  uint32_t slot_bytes_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_LATENT_REPLAY_H_
