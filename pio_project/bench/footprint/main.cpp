// The smallest firmware that trains one model: linked for its size, not to be run. `operators.h` is generated.
#include <operators.h>

#include "tflm_train/train/step_phase.h"
#include "tflm_train/train/trainer.h"

namespace tflm_train {

void EnterPhase(StepPhase) {}

}  // namespace tflm_train

namespace {

// What the firmware would be given: volatile, so that the linker cannot know it.
struct Given {
  const void* model;
  size_t model_bytes;
  void* arena;
  size_t arena_bytes;
  const float* sample;
  int32_t label;
};

volatile Given given = {};
tflm_train::Trainer trainer;
const ModelOperators operators;

}  // namespace

int main() {
  if (trainer.Init(given.model, given.model_bytes, operators, given.arena, given.arena_bytes) !=
      tflm_train::Status::kOk) {
    return 1;
  }
  tflm_train::StepResult result;
  const tflm_train::Status status = trainer.Step(given.sample, tflm_train::Label::Class(given.label), &result);
  const float* output = nullptr;
  return status == tflm_train::Status::kOk && trainer.Infer(given.sample, &output) == tflm_train::Status::kOk ? 0 : 1;
}
