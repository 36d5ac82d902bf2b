// Where the places of a plan's values are during one call of the trainer.
#ifndef TFLM_TRAIN_RUNTIME_TRAINER_MEMORY_H_
#define TFLM_TRAIN_RUNTIME_TRAINER_MEMORY_H_

#include "tflm_train/runtime/plan_reader.h"
#include "tflm_train/runtime/trainer.h"

namespace tflm_train {

class Trainer::Memory final : public MemoryMap {
 public:
  Memory(const PlanReader& plan, uint8_t* arena, uint8_t* program_memory, const float* input)
      : plan_(plan), arena_(arena), program_memory_(program_memory), input_(input) {}

  void* Resolve(const ValueRecord& value) const override {
    switch (static_cast<Place>(value.place)) {
      case Place::kArena:
        return program_memory_ + value.offset;
      case Place::kParameter:
        return arena_ + plan_.parameter(value.offset).arena_offset;
      case Place::kInput:
        return const_cast<float*>(input_);  // steps that write here do not pass the verification
      case Place::kConstant:
        break;
    }
    return const_cast<uint8_t*>(plan_.Constant(value.offset));  // the same
  }
  float* Floats(const ProgramRecord& program, uint16_t value) const {
    return static_cast<float*>(Resolve(plan_.values(program)[value]));
  }

 private:
  const PlanReader& plan_;
  uint8_t* arena_;
  uint8_t* program_memory_;
  const float* input_;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_TRAINER_MEMORY_H_
