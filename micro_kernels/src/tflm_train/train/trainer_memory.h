// Where the values of a program are during one call of the trainer.
#ifndef TFLM_TRAIN_TRAIN_TRAINER_MEMORY_H_
#define TFLM_TRAIN_TRAIN_TRAINER_MEMORY_H_

#include "tflm_train/plan/plan_reader.h"
#include "tflm_train/train/trainer.h"

namespace tflm_train {

class Trainer::Memory final : public ProgramView {
 public:
  /// `input`: the caller's; steps that write there do not pass the verification.
  TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD Memory(const Trainer& trainer, const ProgramRecord& program, const float* input)
      : ProgramView(trainer.plan_.values(program), trainer.plan_.indices(), trainer.plan_.words()),
        model_(trainer.plan_.model().data()),
        places_(reinterpret_cast<const uint32_t*>(trainer.arena_ + trainer.plan_.defaults().constants_offset)) {
    SetBegin(Base::kProgram, trainer.program_memory_);
    SetBegin(Base::kPersistent, trainer.arena_);
    SetBegin(Base::kInput, reinterpret_cast<uint8_t*>(const_cast<float*>(input)));
  }

  float* Floats(uint32_t address) const { return static_cast<float*>(At(address)); }

 private:
  // Constants are written by no step that passes the verification.
  void* File(uint32_t number) const override { return const_cast<uint8_t*>(model_ + places_[number]); }

  const uint8_t* model_;
  const uint32_t* places_;  // of the constants, counted from the model's begin
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_TRAINER_MEMORY_H_
