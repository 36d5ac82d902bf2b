// Gates: asked once a sample's loss is known, with a state that the plan has room for.
#include <doctest.h>

#include "tflm_train/operators/operators.h"
#include "tflm_train/policies/policies.h"
#include "trainer_fixture.h"

using namespace tflm_train;

namespace {

constexpr uint32_t kLossState = kGateStateBytes[static_cast<uint32_t>(GateId::kLoss)];
constexpr uint32_t kTinypropv2State = kGateStateBytes[static_cast<uint32_t>(GateId::kTinypropv2)];
constexpr uint32_t kArenaBytes = kTinyArenaBytes + 16;

/// The tiny plan with room for a gate's state.
TinyPlan PlanWithGate(GateId gate, uint32_t state_bytes) {
  TinyPlan plan;
  plan.defaults.options.gate = gate;
  plan.defaults.gate_state_bytes = state_bytes;
  plan.defaults.constants_offset += state_bytes;
  plan.defaults.persistent_bytes += 16;
  return plan;
}

Status InitPlan(const TinyPlan& plan) {
  TinyTrainer tiny(WriteTinyModel(plan), kArenaBytes);
  return tiny.Init();
}

bool Trains(Trainer& trainer, int label, float weight = 1.0f) {
  StepResult result;
  REQUIRE(trainer.Step(kTinyInput, Label::Class(label), weight, &result) == Status::kOk);
  return result.trained;
}

}  // namespace

TEST_CASE("the loss gate lets a class pass that is not probable enough") {
  // p of the tiny model's output is 0.55 for class 0, 0.45 for class 1.
  for (const float weight : {1.0f, 8.0f, 0.125f}) {
    TinyPlan plan = PlanWithGate(GateId::kLoss, kLossState);
    plan.defaults.options.gate_threshold = 0.5f;
    TinyTrainer tiny(WriteTinyModel(plan), kArenaBytes);
    REQUIRE(tiny.Init() == Status::kOk);
    CHECK_FALSE(Trains(tiny.trainer, 0, weight));
    CHECK(tiny.trainer.parameter(0).floats()[0] == kTinyWeights[0]);
    CHECK(tiny.trainer.counters().weight_gradient == 0);
    CHECK(Trains(tiny.trainer, 1, weight));
    CHECK(tiny.trainer.parameter(0).floats()[0] != kTinyWeights[0]);
  }
}

TEST_CASE("TinyPropv2 lets an error pass that is large relative to its maximum, which decays") {
  TinyPlan plan = PlanWithGate(GateId::kTinypropv2, kTinypropv2State);
  plan.defaults.options.learning_rate = 1e-30f;
  plan.defaults.options.skip_threshold = 0.85f;
  plan.defaults.options.decay = 0.98f;
  TinyTrainer tiny(WriteTinyModel(plan), kArenaBytes);
  REQUIRE(tiny.Init() == Status::kOk);
  CHECK(Trains(tiny.trainer, 1));  // Y = 2 * 0.5498 is the maximum
  // Y = 2 * 0.4502, over the maximum: 0.8355, 0.8525.
  CHECK_FALSE(Trains(tiny.trainer, 0));
  CHECK(Trains(tiny.trainer, 0));
}

TEST_CASE("one of so many samples trains, and the first ones") {
  TinyPlan plan = PlanWithGate(GateId::kLoss, kLossState);
  plan.defaults.options.gate_threshold = 1.0f;
  plan.defaults.options.gate_warmup = 2;
  plan.defaults.options.gate_every = 3;
  TinyTrainer tiny(WriteTinyModel(plan), kArenaBytes);
  REQUIRE(tiny.Init() == Status::kOk);
  CHECK_FALSE(Trains(tiny.trainer, 0, 0.0f));  // the gate does not see it
  for (const bool trains : {true, true, false, false, true, false, false, true}) {
    CHECK(Trains(tiny.trainer, 0) == trains);
  }
  std::vector<uint8_t> state(tiny.trainer.state_bytes());
  REQUIRE(tiny.trainer.ReadState(0, state.data(), tiny.trainer.state_bytes()) == Status::kOk);
  CHECK_FALSE(Trains(tiny.trainer, 0));
  CHECK_FALSE(Trains(tiny.trainer, 0));
  REQUIRE(tiny.trainer.WriteState(0, state.data(), tiny.trainer.state_bytes()) == Status::kOk);
  for (const bool trains : {false, false, true}) CHECK(Trains(tiny.trainer, 0) == trains);
  REQUIRE(tiny.trainer.Reset() == Status::kOk);
  for (const bool trains : {true, true, false}) CHECK(Trains(tiny.trainer, 0) == trains);
}

TEST_CASE("a weighted error that is not finite leaves the gate as it was") {
  TinyPlan plan = PlanWithGate(GateId::kTinypropv2, kTinypropv2State);
  TinyTrainer tiny(WriteTinyModel(plan), kArenaBytes);
  REQUIRE(tiny.Init() == Status::kOk);
  std::vector<uint8_t> before(tiny.trainer.state_bytes()), after(tiny.trainer.state_bytes());
  REQUIRE(tiny.trainer.ReadState(0, before.data(), tiny.trainer.state_bytes()) == Status::kOk);
  const float far[3] = {1e5f, 0.0f, 0.0f};
  CHECK(tiny.trainer.Step(far, Label::Class(1), 3e38f) == Status::kNonFinite);
  REQUIRE(tiny.trainer.ReadState(0, after.data(), tiny.trainer.state_bytes()) == Status::kOk);
  CHECK(before == after);
}

TEST_CASE("a plan without room for a gate's state is refused, and so are options") {
  CHECK(InitPlan(PlanWithGate(GateId::kLoss, kLossState)) == Status::kOk);
  CHECK(InitPlan(PlanWithGate(GateId::kTinypropv2, kTinypropv2State)) == Status::kOk);
  CHECK(InitPlan(PlanWithGate(GateId::kLoss, kLossState - 4)) == Status::kSelectorNeedsPlan);
  CHECK(InitPlan(PlanWithGate(GateId::kTinypropv2, kLossState)) == Status::kSelectorNeedsPlan);
  const uint32_t wrong[] = {kLossState + 1, kLossState + 2, 0xFFFFFFFCu};
  for (const uint32_t bytes : wrong) {
    TinyPlan plan = PlanWithGate(GateId::kLoss, kLossState);
    plan.defaults.gate_state_bytes = bytes;  // not aligned, over the layer's state
    CHECK(InitPlan(plan) == Status::kPlanInvalid);
  }
  TinyPlan over = PlanWithGate(GateId::kLoss, kLossState);
  over.defaults.constants_offset -= 4;
  CHECK(InitPlan(over) == Status::kPlanInvalid);

  TinyTrainer tiny(WriteTinyModel(PlanWithGate(GateId::kLoss, kLossState)), kArenaBytes);
  REQUIRE(tiny.Init() == Status::kOk);
  TrainingOptions options = tiny.trainer.options();
  options.gate = GateId::kTinypropv2;
  CHECK(tiny.trainer.SetOptions(options) == Status::kSelectorNeedsPlan);
  CHECK(tiny.trainer.options().gate == GateId::kLoss);
  options.gate = GateId::kAlways;
  CHECK(tiny.trainer.SetOptions(options) == Status::kOk);
}

TEST_CASE("a gate that is not linked is refused") {
  TinyTrainer tiny(WriteTinyModel(PlanWithGate(GateId::kLoss, kLossState)), kArenaBytes);
  StaticOperatorSet<2> operators;
  REQUIRE(operators.Add(kFullyConnected) == Status::kOk);
  REQUIRE(operators.Add(kSoftmax) == Status::kOk);
  REQUIRE(operators.Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
  CHECK(tiny.trainer.Init(tiny.model.data(), tiny.model.size(), operators, tiny.arena.data(), tiny.arena.size()) ==
        Status::kMissingOperator);
  CHECK(tiny.trainer.error().subject == Subject::kGate);
}
