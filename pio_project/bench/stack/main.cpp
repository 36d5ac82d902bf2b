// Prints how deep the stack gets in Init, Step and Infer of one model: the memory below the caller is painted, and what
// of it has changed afterwards was used. `operators.h` and `stack_model.h` are generated.
#include <operators.h>
#include <stack_model.h>

#include <cstdint>
#include <cstdio>

#include "tflm_train/train/step_phase.h"
#include "tflm_train/train/trainer.h"

extern "C" {
extern uint8_t __heap_start[];  // of the linker script: the stack grows towards it
}

namespace tflm_train {

void EnterPhase(StepPhase) {}

}  // namespace tflm_train

namespace {

using tflm_train::Label;
using tflm_train::Status;

constexpr uint32_t kPainted = 6 * 1024;
constexpr uint32_t kPaint = 0xa5c3965a;

alignas(16) uint8_t arena[ModelOperators::kArenaBytes];
const ModelOperators operators;
tflm_train::Trainer trainer;
const float* sample;
float target[kOutputs];

/// Runs `call`, which must succeed; returns the bytes of stack below this function's frame.
template <class Call>
__attribute__((noinline)) uint32_t Depth(Call call) {
  uint32_t* top;
  __asm volatile("mov %0, sp" : "=r"(top));
  uint32_t* const bottom = top - kPainted / sizeof(uint32_t);
  if (reinterpret_cast<uint8_t*>(bottom) < __heap_start) return UINT32_MAX;
  for (volatile uint32_t* word = bottom; word < top; ++word) *word = kPaint;
  if (call() != Status::kOk) return UINT32_MAX;
  const volatile uint32_t* word = bottom;
  while (word < top && *word == kPaint) ++word;
  return static_cast<uint32_t>(top - word) * sizeof(uint32_t);
}

uint32_t Larger(uint32_t a, uint32_t b) { return a > b ? a : b; }

}  // namespace

int main() {
  const uint32_t init = Depth([] {
    return kFromCut ? trainer.InitFromCut(stack_model, stack_model_size, operators, arena, sizeof arena)
                    : trainer.Init(stack_model, stack_model_size, operators, arena, sizeof arena);
  });
  for (uint32_t j = 0; j < kOutputs; j += kClasses) target[j] = 1.0f;
  uint32_t step = 0, infer = 0;
  for (const auto& values : kSamples) {
    sample = values;
    step = Larger(step, Depth([] { return trainer.Step(sample, Label::Vector(target)); }));
    infer = Larger(infer, Depth([] {
                     const float* output = nullptr;
                     return trainer.Infer(sample, &output);
                   }));
  }
  std::printf("%lu %lu %lu\n", static_cast<unsigned long>(init), static_cast<unsigned long>(step),
              static_cast<unsigned long>(infer));
  return init == UINT32_MAX || step == UINT32_MAX || infer == UINT32_MAX ? 1 : 0;
}
