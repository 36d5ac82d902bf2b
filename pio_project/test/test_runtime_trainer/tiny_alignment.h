// An alignment above a trainer of the tiny model.
#ifndef TFLM_TRAIN_TEST_TINY_ALIGNMENT_H_
#define TFLM_TRAIN_TEST_TINY_ALIGNMENT_H_

#include <vector>

#include "tflm_train/train/alignment.h"
#include "trainer_fixture.h"

namespace tflm_train {

inline constexpr double kMeans[2] = {-5.0, 5.0}, kDeviations[2] = {2.0, 1.5};

inline TinyPlan AlignPlan(const std::vector<float>& statistics = {-5.0f, 5.0f, 2.0f, 1.5f}) {
  TinyPlan plan;
  plan.AddAlign(statistics);
  return plan;
}

struct Aligned {
  explicit Aligned(const std::vector<float>& statistics = {-5.0f, 5.0f, 2.0f, 1.5f}) : tiny(AlignPlan(statistics)) {}

  Status Start() {
    Status status = tiny.Init();
    if (status == Status::kOk) status = alignment.Init(&trainer(), memory, sizeof memory);
    untouched = Weights();
    return status;
  }
  Trainer& trainer() { return tiny.trainer; }
  std::vector<float> Weights() {
    std::vector<float> all;
    for (uint32_t i = 0; i < trainer().parameter_count(); ++i) {
      const ParameterView parameter = trainer().parameter(i);
      all.insert(all.end(), parameter.floats(), parameter.floats() + parameter.elements);
    }
    return all;
  }
  /// The correction makes the second class the larger one.
  Status JudgeAsItPays() { return alignment.Judge(kTinyInput, Label::Class(1)); }

  TinyTrainer tiny;
  Alignment alignment;
  alignas(4) uint8_t memory[16];
  std::vector<float> untouched;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TEST_TINY_ALIGNMENT_H_
