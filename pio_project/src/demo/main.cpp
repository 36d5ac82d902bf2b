// Trains the digits network on shifted digits, with dense and with sparse backpropagation, on this machine or on an
// emulated board. Ends with status 0 only if both learn.
#include <cstdio>

#include "../digits/cnn_operators.h"
#include "../digits/training.h"

#ifdef TFLM_TRAIN_QEMU
#include <instruction_counter.h>
#endif

namespace {

using tflm_train::SelectorId;
using tflm_train::Status;

#if defined(TFLM_TRAIN_QEMU) && !defined(__ARM_FP)
constexpr int kEpochs = 2;  // floating point in software takes its time
#else
constexpr int kEpochs = 8;
#endif
constexpr float kLearnedGain = 0.1f;  // of accuracy
constexpr uint32_t kArenaBytes = 24 * 1024;

alignas(16) uint8_t arena[kArenaBytes];
tflm_train::Trainer trainer;

bool Failed(const char* what, Status status) {
  if (status == Status::kOk) return false;
  std::printf("%s: %s\n", what, tflm_train::StatusText(status));
  return true;
}

uint64_t Multiplications(const tflm_train::WorkCounters& work) {
  return work.forward + work.input_error + work.weight_gradient;
}

/// Trains from the file's weights and prints one row. False if something failed or nothing was learned.
bool Run(const char* name, SelectorId selector, bool zero_skip) {
  if (Failed("reset", trainer.Reset())) return false;
  tflm_train::TrainingOptions options = trainer.options();
  options.selector = selector;
  options.zero_skip = zero_skip;
  if (Failed("options", trainer.SetOptions(options))) return false;
  const float before = digits::Accuracy(trainer, digits::kTest);
  trainer.ResetCounters();
  Status status = Status::kOk;
  const auto train = [&] {
    for (int epoch = 0; epoch < kEpochs && status == Status::kOk; ++epoch) {
      status = digits::TrainEpoch(trainer, digits::kTraining);
    }
  };
#ifdef TFLM_TRAIN_QEMU
  const uint64_t instructions = instruction_counter::Of(train);
#else
  train();
#endif
  if (Failed("step", status)) return false;
  const uint64_t multiplications = Multiplications(trainer.counters());
  const float after = digits::Accuracy(trainer, digits::kTest);
  std::printf("%-22s %7.1f %% %7.1f %% %10.2f M", name, static_cast<double>(before) * 100,
              static_cast<double>(after) * 100, static_cast<double>(multiplications) / 1e6);
#ifdef TFLM_TRAIN_QEMU
  std::printf(" %12lu", static_cast<unsigned long>(instructions / (kEpochs * digits::kTraining.count)));
#endif
  std::printf("\n");
  return after >= before + kLearnedGain;
}

}  // namespace

int main() {
  static const ModelOperators operators;
  const digits::Model& model = digits::kCnn;
  if (model.arena_bytes > kArenaBytes) {
    std::printf("the arena needs %u bytes\n", static_cast<unsigned>(model.arena_bytes));
    return 1;
  }
  if (Failed("init", trainer.Init(model.data, model.bytes, operators, arena, model.arena_bytes))) return 1;
  std::printf("%u shifted digits, %d epochs; tested on %u others. Arena: %u bytes, Trainer: %u bytes.\n\n",
              static_cast<unsigned>(digits::kTraining.count), kEpochs, static_cast<unsigned>(digits::kTest.count),
              static_cast<unsigned>(model.arena_bytes), static_cast<unsigned>(sizeof trainer));
  std::printf("%-22s %9s %9s %12s", "backpropagation", "before", "after", "multiplied");
#ifdef TFLM_TRAIN_QEMU
  std::printf(" %12s", "instr./step");
#endif
  std::printf("\n");
  bool learned = Run("dense, zeros too", SelectorId::kDense, false);
  learned = Run("dense", SelectorId::kDense, true) && learned;
  learned = Run("tinyprop", SelectorId::kTinyprop, true) && learned;
#ifdef TFLM_TRAIN_QEMU
  std::printf("\nInstructions include the counting of multiplications; tflm-train bench counts without it.\n");
#endif
  return learned ? 0 : 1;
}
