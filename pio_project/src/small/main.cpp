// Trains a small network on shifted digits in the 16 KB of a Cortex-M0, which has no floating-point unit and faults on
// unaligned access. Ends with status 0 only if it learns.
#include <cstdio>

#include "../digits/mlp_operators.h"
#include "../digits/training.h"

namespace {

using tflm_train::Status;

constexpr int kEpochs = 4;
constexpr float kLearnedGain = 0.1f;  // of accuracy
constexpr uint32_t kArenaBytes = 6 * 1024;

alignas(16) uint8_t arena[kArenaBytes];
tflm_train::Trainer trainer;

int PerMille(float share) { return static_cast<int>(share * 1000.0f); }

}  // namespace

int main() {
  static const ModelOperators operators;
  const digits::Model& model = digits::kMlp;
  if (model.arena_bytes > kArenaBytes) return 2;
  Status status = trainer.Init(model.data, model.bytes, operators, arena, model.arena_bytes);
  if (status != Status::kOk) {
    std::printf("init: %s\n", tflm_train::StatusText(status));
    return 1;
  }
  const float before = digits::Accuracy(trainer, digits::kTest);
  for (int epoch = 0; epoch < kEpochs && status == Status::kOk; ++epoch) {
    status = digits::TrainEpoch(trainer, digits::kTraining);
  }
  if (status != Status::kOk) {
    std::printf("step: %s\n", tflm_train::StatusText(status));
    return 1;
  }
  const float after = digits::Accuracy(trainer, digits::kTest);
  std::printf("accuracy in 1/1000: before %d, after %d; arena %u bytes, trainer %u bytes\n", PerMille(before),
              PerMille(after), static_cast<unsigned>(model.arena_bytes), static_cast<unsigned>(sizeof trainer));
  return after >= before + kLearnedGain ? 0 : 1;
}
