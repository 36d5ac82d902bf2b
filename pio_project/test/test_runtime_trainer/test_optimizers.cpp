#include <doctest.h>

#include <cmath>

#include "tflm_train/operators/operators.h"
#include "tflm_train/policies/policies.h"
#include "trainer_fixture.h"

using namespace tflm_train;

namespace {

// A rule that is not the library's: v = 0.9 v - rate g; w += v. It counts its updates.
constexpr auto kRule = static_cast<OptimizerId>(kOptimizerCount);
constexpr float kMomentum = 0.9f;
uint32_t rows_ended, longest_row;
float updates;  // as the last row has found them

void Begin(float* shared) { shared[0] += 1.0f; }

void Run(const ParameterRow& row) {
  ++rows_ended;
  updates = row.shared[0];
  if (row.elements > longest_row) longest_row = row.elements;
  for (uint32_t i = 0; i < row.elements; ++i) {
    float& velocity = row.state[i * row.step];
    velocity = kMomentum * velocity - row.options.learning_rate * row.gradient[i];
    row.weights[i * row.step] += velocity;
  }
}
const Optimizer kTestOptimizer(kRule, Run, 1, 1, Begin);

// Weights end at 40, their gradients at 88.
constexpr uint32_t kStateBegin = 92, kLayerState = 136, kStateBytes = 140, kRowBegin = 160, kRowElements = 4;
constexpr uint32_t kPersistentBytes = kRowBegin + 4 * kRowElements;

/// The tiny plan with room for a state of one number and a row.
TinyPlan PlanWithRule(uint32_t accumulate = 1) {
  TinyPlan plan;
  plan.defaults.optimizer = static_cast<uint16_t>(kRule);
  plan.defaults.optimizer_offset = kStateBegin;
  plan.layers[0].state_offset = kLayerState;
  plan.defaults.constants_offset = kStateBytes;
  plan.defaults.row_elements = kRowElements;
  plan.defaults.persistent_bytes = kPersistentBytes;
  plan.defaults.options.accumulate = accumulate;
  return plan;
}

struct RuleTrainer {
  explicit RuleTrainer(const TinyPlan& plan, uint32_t arena_bytes = kPersistentBytes + kTinyProgramBytes)
      : tiny(WriteTinyModel(plan), arena_bytes) {
    for (const Operator* op : {static_cast<const Operator*>(&kFullyConnected), static_cast<const Operator*>(&kSoftmax)})
      REQUIRE(operators.Add(*op) == Status::kOk);
    REQUIRE(operators.Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
    REQUIRE(operators.Add(kMeanAccumulation) == Status::kOk);
  }
  Status Init(bool linked = true) {
    if (linked) REQUIRE(operators.Add(kTestOptimizer) == Status::kOk);
    return tiny.trainer.Init(tiny.model.data(), tiny.model.size(), operators, tiny.arena.data(), tiny.arena.size());
  }
  void Train(int first, int count) {
    for (int i = first; i < first + count; ++i) {
      const float x[3] = {1.0f, 0.5f * static_cast<float>(i % 4), -1.0f};
      REQUIRE(tiny.trainer.Step(x, Label::Class(i % 3 == 0 ? 0 : 1)) == Status::kOk);
    }
  }
  std::vector<float> Weights() {
    const float *w = tiny.trainer.parameter(0).floats(), *b = tiny.trainer.parameter(1).floats();
    std::vector<float> all(w, w + 6);
    all.insert(all.end(), b, b + 2);
    return all;
  }

  TinyTrainer tiny;
  StaticOperatorSet<4> operators;
};

/// The same samples in double; a group's mean gradient at its end, or at the end of the last one.
std::vector<double> Expected(int steps, int group) {
  std::vector<double> w(kTinyWeights, kTinyWeights + 6), velocity(8, 0.0), sum(8, 0.0);
  w.insert(w.end(), kTinyBiases, kTinyBiases + 2);
  for (int i = 0, waiting = 0; i < steps; ++i) {
    const double x[3] = {1.0, 0.5 * (i % 4), -1.0};
    double z[2], p[2];
    for (int o = 0; o < 2; ++o) z[o] = w[3 * o] * x[0] + w[3 * o + 1] * x[1] + w[3 * o + 2] * x[2] + w[6 + o];
    for (int o = 0; o < 2; ++o) p[o] = 1.0 / (1.0 + std::exp(z[1 - o] - z[o]));
    const int label = i % 3 == 0 ? 0 : 1;
    for (int o = 0; o < 2; ++o) {
      const double error = p[o] - (o == label ? 1.0 : 0.0);
      for (int j = 0; j < 3; ++j) sum[3 * o + j] += error * x[j];
      sum[6 + o] += error;
    }
    if (++waiting < group && i + 1 < steps) continue;
    for (int j = 0; j < 8; ++j) {
      velocity[j] = static_cast<double>(kMomentum) * velocity[j] - 0.1 * sum[j] / waiting;
      w[j] += velocity[j];
      sum[j] = 0.0;
    }
    waiting = 0;
  }
  return w;
}

void CheckWeights(RuleTrainer& trainer, int steps, int group) {
  const std::vector<float> weights = trainer.Weights();
  const std::vector<double> expected = Expected(steps, group);
  for (size_t i = 0; i < weights.size(); ++i) CHECK(weights[i] == doctest::Approx(expected[i]).epsilon(1e-5));
}

}  // namespace

TEST_CASE("an update rule runs once for each row, with its state") {
  RuleTrainer trainer(PlanWithRule());
  REQUIRE(trainer.Init() == Status::kOk);
  rows_ended = longest_row = 0;
  trainer.Train(0, 30);
  CHECK(rows_ended == 30 * 4);  // two neurons, two biases
  CHECK(longest_row == 3);
  CHECK(updates == 30.0f);
  CheckWeights(trainer, 30, 1);
}

TEST_CASE("an update rule takes the mean of a group of samples, also of an unfinished one") {
  RuleTrainer trainer(PlanWithRule(4));
  REQUIRE(trainer.Init() == Status::kOk);
  rows_ended = 0;
  trainer.Train(0, 30);
  CHECK(rows_ended == 7 * 2);  // parameters
  CHECK(updates == 7.0f);
  REQUIRE(trainer.tiny.trainer.Flush() == Status::kOk);
  CheckWeights(trainer, 30, 4);
  for (uint32_t i = 0; i < 6; ++i) CHECK(trainer.tiny.trainer.gradient(0)[i] == 0.0f);
}

TEST_CASE("going back to an earlier state takes the rule's state along") {
  for (const uint32_t accumulate : {1u, 4u}) {
    RuleTrainer trainer(PlanWithRule(accumulate));
    REQUIRE(trainer.Init() == Status::kOk);
    Trainer& inner = trainer.tiny.trainer;
    CHECK(inner.state_bytes() == 8 + kStateBytes);
    std::vector<uint8_t> kept(inner.state_bytes());
    trainer.Train(0, 7);
    REQUIRE(inner.ReadState(0, kept.data(), inner.state_bytes()) == Status::kOk);
    trainer.Train(7, 9);
    const std::vector<float> wanted = trainer.Weights();
    const float wanted_updates = updates;
    trainer.Train(0, 5);
    REQUIRE(inner.WriteState(0, kept.data(), inner.state_bytes()) == Status::kOk);
    trainer.Train(7, 9);
    CHECK(trainer.Weights() == wanted);
    CHECK(updates == wanted_updates);
    REQUIRE(inner.Reset() == Status::kOk);
    trainer.Train(0, 16);
    CHECK(trainer.Weights() == wanted);
  }
}

TEST_CASE("a plan with an update rule needs exactly the arena that it states") {
  constexpr uint32_t kBytes = kPersistentBytes + kTinyProgramBytes;
  CHECK(RuleTrainer(PlanWithRule(), kBytes).Init() == Status::kOk);
  CHECK(RuleTrainer(PlanWithRule(), kBytes - 1).Init() == Status::kArenaTooSmall);
}

TEST_CASE("a plan's update rule must be linked") {
  RuleTrainer trainer(PlanWithRule());
  CHECK(trainer.Init(false) == Status::kMissingOperator);
  CHECK(trainer.tiny.trainer.error().subject == Subject::kOptimizer);
}

TEST_CASE("a plan that has no room for a rule's state or row is refused") {
  const auto refused = [](void (*damage)(TinyPlan&)) {
    TinyPlan plan = PlanWithRule();
    damage(plan);
    return RuleTrainer(plan, 4096).Init();
  };
  CHECK(refused([](TinyPlan& p) { p.defaults.optimizer_offset -= 4; }) == Status::kOk);  // up to the layer's state
  CHECK(refused([](TinyPlan& p) { p.defaults.optimizer_offset += 4; }) == Status::kPlanInvalid);
  CHECK(refused([](TinyPlan& p) { p.defaults.optimizer_offset += 2; }) == Status::kPlanInvalid);
  CHECK(refused([](TinyPlan& p) { p.defaults.optimizer_offset = 36; }) == Status::kPlanInvalid);   // weights
  CHECK(refused([](TinyPlan& p) { p.defaults.optimizer_offset = 48; }) == Status::kPlanInvalid);   // gradients
  CHECK(refused([](TinyPlan& p) { p.defaults.optimizer_offset = 140; }) == Status::kPlanInvalid);  // constants
  CHECK(refused([](TinyPlan& p) { p.defaults.optimizer_offset = 0xFFFFFFFC; }) == Status::kPlanInvalid);
  CHECK(refused([](TinyPlan& p) { p.defaults.row_elements = 7; }) == Status::kPlanInvalid);
  CHECK(refused([](TinyPlan& p) { p.defaults.row_elements = 0xFFFFFFFF; }) == Status::kPlanInvalid);
}

TEST_CASE("rows for which a plan has no room end in pieces") {
  TinyPlan plan = PlanWithRule();
  plan.defaults.row_elements = 0;
  RuleTrainer trainer(plan);
  REQUIRE(trainer.Init() == Status::kOk);
  trainer.Train(0, 30);
  CheckWeights(trainer, 30, 1);
}
