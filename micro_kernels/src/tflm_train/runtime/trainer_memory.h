// Where the places of a plan's values are during one call of the trainer.
#ifndef TFLM_TRAIN_RUNTIME_TRAINER_MEMORY_H_
#define TFLM_TRAIN_RUNTIME_TRAINER_MEMORY_H_

#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/plan_reader.h"
#include "tflm_train/runtime/trainer.h"

namespace tflm_train {

class Trainer::Memory final : public MemoryMap {
 public:
  Memory(const PlanReader& plan, uint8_t* persistent, uint8_t* program_memory, const float* input)
      : MemoryMap(program_memory, persistent, plan.parameters()), plan_(plan), input_(input) {}

  TFLM_TRAIN_NOINLINE void* Resolve(const ValueRecord& value) const override {
    switch (static_cast<Place>(value.place)) {
      case Place::kArena:
        return arena_ + value.offset;
      case Place::kParameter:
        return persistent_ + parameters_[value.offset].arena_offset;
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
  const float* input_;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_TRAINER_MEMORY_H_
