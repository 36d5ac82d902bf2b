// Clipping: the error at the output goes back with a norm that is at most the option's.
#include <doctest.h>

#include "tflm_train/operators/operators.h"
#include "tflm_train/policies/policies.h"
#include "trainer_fixture.h"

using namespace tflm_train;

namespace {

TinyPlan Clipped(float clip) {
  TinyPlan plan;
  plan.defaults.options.clip = clip;
  return plan;
}

/// How far a step with the label goes with the first weight.
float Moved(Trainer& trainer, int label, float weight, bool clipped) {
  REQUIRE(trainer.Reset() == Status::kOk);
  StepResult result;
  REQUIRE(trainer.Step(kTinyInput, Label::Class(label), weight, &result) == Status::kOk);
  CHECK(result.trained);
  CHECK(result.clipped == clipped);
  return trainer.parameter(0).floats()[0] - kTinyWeights[0];
}

}  // namespace

TEST_CASE("an error that is too large is scaled to the norm, its weight included") {
  // p of the tiny model's output is 0.55 for class 0, 0.45 for class 1: norms of 0.6367 and 0.7775.
  TinyTrainer plain, tiny(Clipped(0.7f));
  REQUIRE(plain.Init() == Status::kOk);
  REQUIRE(tiny.Init() == Status::kOk);
  CHECK(Moved(tiny.trainer, 0, 1.0f, false) == Moved(plain.trainer, 0, 1.0f, false));
  const float longest = Moved(tiny.trainer, 1, 1.0f, true);
  CHECK(longest == doctest::Approx(Moved(plain.trainer, 1, 1.0f, false) * 0.7f / 0.77748f).epsilon(1e-3));
  CHECK(Moved(tiny.trainer, 1, 50.0f, true) == doctest::Approx(longest).epsilon(1e-4));
  CHECK(Moved(tiny.trainer, 1, 1e30f, true) == doctest::Approx(longest).epsilon(1e-4));
  TrainingOptions options = tiny.trainer.options();
  options.clip = 0.0f;
  REQUIRE(tiny.trainer.SetOptions(options) == Status::kOk);
  CHECK(Moved(tiny.trainer, 1, 1.0f, false) == Moved(plain.trainer, 1, 1.0f, false));
}

TEST_CASE("a clipping that is not linked is refused") {
  StaticOperatorSet<2> operators;
  REQUIRE(operators.Add(kFullyConnected) == Status::kOk);
  REQUIRE(operators.Add(kSoftmax) == Status::kOk);
  REQUIRE(operators.Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
  TinyTrainer planned(Clipped(1.0f)), tiny;
  CHECK(planned.trainer.Init(planned.model.data(), planned.model.size(), operators, planned.arena.data(),
                             planned.arena.size()) == Status::kMissingOperator);
  CHECK(planned.trainer.error().subject == Subject::kClipping);
  REQUIRE(tiny.trainer.Init(tiny.model.data(), tiny.model.size(), operators, tiny.arena.data(), tiny.arena.size()) ==
          Status::kOk);
  TrainingOptions options = tiny.trainer.options();
  options.clip = 1.0f;
  CHECK(tiny.trainer.SetOptions(options) == Status::kMissingOperator);
  CHECK(tiny.trainer.error().subject == Subject::kClipping);
  CHECK(tiny.trainer.options().clip == 0.0f);
  options.clip = -1.0f;
  CHECK(tiny.trainer.SetOptions(options) == Status::kInvalidArgument);
}
