// Step(input, label, weight): how often a sample's loss counts.
#include <doctest.h>

#include <cstring>
#include <limits>

#include "trainer_fixture.h"

using namespace tflm_train;

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

TinyPlan Accumulating(uint32_t samples) {
  TinyPlan plan;
  plan.defaults.options.accumulate = samples;
  return plan;
}

bool SameWeights(Trainer& a, Trainer& b) {
  return std::memcmp(a.parameter(0).floats(), b.parameter(0).floats(), 24) == 0 &&
         std::memcmp(a.parameter(1).floats(), b.parameter(1).floats(), 8) == 0;
}

void SetRate(Trainer* trainer, float rate) {
  TrainingOptions options = trainer->options();
  options.learning_rate = rate;
  REQUIRE(trainer->SetOptions(options) == Status::kOk);
}

}  // namespace

TEST_CASE("weight 1 changes no bit of a run") {
  for (uint32_t accumulate : {1u, 3u}) {
    TinyTrainer plain(Accumulating(accumulate)), weighted(Accumulating(accumulate));
    REQUIRE(plain.Init() == Status::kOk);
    REQUIRE(weighted.Init() == Status::kOk);
    for (int i = 0; i < 20; ++i) {
      StepResult a, b;
      REQUIRE(plain.trainer.Step(kTinyInput, Label::Class(i % 2), &a) == Status::kOk);
      REQUIRE(weighted.trainer.Step(kTinyInput, Label::Class(i % 2), 1.0f, &b) == Status::kOk);
      CHECK(a.loss == b.loss);
      CHECK((a.trained && b.trained));
      CHECK(SameWeights(plain.trainer, weighted.trainer));
    }
  }
}

TEST_CASE("weights that are powers of two equal learning rates that are larger by as much") {
  TinyTrainer plain, weighted;
  REQUIRE(plain.Init() == Status::kOk);
  REQUIRE(weighted.Init() == Status::kOk);
  const float rate = plain.trainer.options().learning_rate;
  for (int i = 0; i < 20; ++i) {
    const float weight = i % 3 == 0 ? 2.0f : i % 3 == 1 ? 0.5f : 1.0f;
    SetRate(&plain.trainer, rate * weight);
    StepResult a, b;
    REQUIRE(plain.trainer.Step(kTinyInput, Label::Class(i % 2), &a) == Status::kOk);
    REQUIRE(weighted.trainer.Step(kTinyInput, Label::Class(i % 2), weight, &b) == Status::kOk);
    CHECK(b.loss == weight * a.loss);
    CHECK(b.correct == a.correct);
    CHECK(SameWeights(plain.trainer, weighted.trainer));
  }
}

TEST_CASE("weight 0 trains nothing, and tells whether the sample was right") {
  for (float zero : {0.0f, -0.0f}) {
    TinyTrainer tiny, fresh;
    REQUIRE(tiny.Init() == Status::kOk);
    REQUIRE(fresh.Init() == Status::kOk);
    StepResult result;
    REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(0), zero, &result) == Status::kOk);
    CHECK(result.loss == 0.0f);
    CHECK(result.correct == 1);
    CHECK_FALSE(result.trained);
    CHECK(SameWeights(tiny.trainer, fresh.trainer));
    CHECK(tiny.trainer.counters().update == 0);
    CHECK(tiny.trainer.counters().weight_gradient == 0);
  }
}

TEST_CASE("a group's mean is over all its samples, those of weight 0 too") {
  TinyTrainer group(Accumulating(4)), halves(Accumulating(2));
  REQUIRE(group.Init() == Status::kOk);
  REQUIRE(halves.Init() == Status::kOk);
  for (float weight : {1.0f, 0.0f, 1.0f, 0.0f}) {
    REQUIRE(group.trainer.Step(kTinyInput, Label::Class(1), weight) == Status::kOk);
  }
  SetRate(&halves.trainer, 0.5f * halves.trainer.options().learning_rate);
  for (int i = 0; i < 2; ++i) REQUIRE(halves.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
  CHECK(SameWeights(group.trainer, halves.trainer));
  TinyTrainer fresh;
  REQUIRE(fresh.Init() == Status::kOk);
  CHECK_FALSE(SameWeights(group.trainer, fresh.trainer));
}

TEST_CASE("weights that are negative or not finite are refused and change nothing") {
  TinyTrainer tiny(Accumulating(2)), fresh(Accumulating(2));
  REQUIRE(tiny.Init() == Status::kOk);
  REQUIRE(fresh.Init() == Status::kOk);
  for (float bad : {-1.0f, -1e-30f, kNan, -kNan, kInfinity, -kInfinity}) {
    CHECK(tiny.trainer.Step(kTinyInput, Label::Class(1), bad) == Status::kInvalidArgument);
    CHECK(std::strcmp(tiny.trainer.error().Text(), "weight of the sample") == 0);
  }
  TinyPlan plan;
  plan.defaults.loss = static_cast<uint16_t>(LossId::kMeanSquaredError);
  TinyTrainer squared(plan);
  REQUIRE(squared.Init() == Status::kOk);
  const float far[] = {100.0f, -100.0f};
  CHECK(squared.trainer.Step(kTinyInput, Label::Vector(far), 1e38f) == Status::kNonFinite);
  CHECK(std::strcmp(squared.trainer.error().Text(), "loss") == 0);
  CHECK(SameWeights(squared.trainer, fresh.trainer));
  // the refused ones were none of the group: the second good one completes it
  REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(1), 3.0f) == Status::kOk);
  CHECK(SameWeights(tiny.trainer, fresh.trainer));
  REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(1), 3.0f) == Status::kOk);
  CHECK_FALSE(SameWeights(tiny.trainer, fresh.trainer));
}
