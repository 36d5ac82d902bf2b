// A trainer over the tiny model, in memory of exactly the planned size.
#ifndef TFLM_TRAIN_TEST_TRAINER_FIXTURE_H_
#define TFLM_TRAIN_TEST_TRAINER_FIXTURE_H_

#include "tflm_train/operators/all_operators.h"
#include "tflm_train/train/trainer.h"
#include "tiny_model.h"

namespace tflm_train {

struct TinyTrainer {
  explicit TinyTrainer(const std::vector<uint8_t>& file, size_t arena_bytes = kTinyArenaBytes)
      : model(file.size()), arena(arena_bytes) {
    if (!file.empty()) std::memcpy(model.data(), file.data(), file.size());
  }
  explicit TinyTrainer(const TinyPlan& plan = TinyPlan()) : TinyTrainer(WriteTinyModel(plan)) {}

  Status Init() { return trainer.Init(model.data(), model.size(), operators, arena.data(), arena.size()); }

  AlignedMemory model, arena;
  AllOperators operators;
  Trainer trainer;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TEST_TRAINER_FIXTURE_H_
