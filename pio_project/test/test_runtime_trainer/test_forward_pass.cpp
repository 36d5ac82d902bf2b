#include <doctest.h>

#include <cmath>
#include <utility>

#include "trainer_fixture.h"

using namespace tflm_train;

namespace {

constexpr uint32_t kProgramBytes = 64;
using Ranges = std::vector<std::pair<int, int>>;

/// Computes the tiny model at the plan's offsets, as an interpreter would.
class HandWritten final : public ForwardPass {
 public:
  const float* weights = nullptr;
  const float* biases = nullptr;
  float* memory = nullptr;
  Ranges ranges;
  Status answer = Status::kOk;

  Status Run(uint16_t first, uint16_t last) override {
    ranges.push_back({first, last});
    if (answer != Status::kOk) return answer;
    const float* x = memory;
    float* z = memory + 4;
    float* p = memory + 8;
    if (first == 0) {
      for (int i = 0; i < 2; ++i) {
        z[i] = biases[i];
        for (int j = 0; j < 3; ++j) z[i] += weights[3 * i + j] * x[j];
      }
    }
    if (last == 1) {
      const float a = std::exp(z[0]), b = std::exp(z[1]);
      p[0] = a / (a + b);
      p[1] = b / (a + b);
    }
    return Status::kOk;
  }
};

struct ExternalTrainer : TinyTrainer {
  explicit ExternalTrainer(const TinyPlan& plan = TinyPlan(), size_t program_bytes = kProgramBytes,
                           size_t persistent_bytes = kTinyPersistentBytes)
      : TinyTrainer(WriteTinyModel(plan), persistent_bytes), program(program_bytes) {}
  Status Init(bool apart = true) {
    const Status status =
        trainer.InitWithForwardPass(model.data(), model.size(), operators, arena.data(), arena.size(),
                                    apart ? program.data() : nullptr, apart ? program.size() : 0, &forward);
    forward.weights = trainer.parameter(0).floats();
    forward.biases = trainer.parameter(1).floats();
    forward.memory = reinterpret_cast<float*>(apart ? program.data() : arena.data() + kTinyPersistentBytes);
    return status;
  }
  AlignedMemory program;
  HandWritten forward;
};

}  // namespace

TEST_CASE("another forward pass trains like the library's own") {
  for (bool apart : {true, false}) {
    TinyTrainer native;
    ExternalTrainer external(TinyPlan(), kProgramBytes, kTinyPersistentBytes + (apart ? 0 : kProgramBytes));
    REQUIRE(native.Init() == Status::kOk);
    REQUIRE(external.Init(apart) == Status::kOk);
    for (int step = 0; step < 10; ++step) {
      StepResult a, b;
      REQUIRE(native.trainer.Step(kTinyInput, Label::Class(step % 2), &a) == Status::kOk);
      REQUIRE(external.trainer.Step(kTinyInput, Label::Class(step % 2), &b) == Status::kOk);
      CHECK(b.loss == doctest::Approx(a.loss).epsilon(1e-6));
    }
    const float* output = nullptr;
    REQUIRE(external.trainer.Infer(kTinyInput, &output) == Status::kOk);
    CHECK(output == external.forward.memory + 8);
    // No hook lies between the operators: each pass is one call.
    CHECK(external.forward.ranges == Ranges(11, {0, 1}));
  }
}

TEST_CASE("operators without a step run too") {
  TinyPlan plan;
  // The external step of operator 0 is gone, as if its result were known at conversion.
  plan.programs[2].step_begin += 1;
  plan.programs[2].forward_count = 1;
  ValueRecord* values = plan.values.data() + plan.programs[2].value_begin;
  values[0].last_step = 2;
  for (int i : {3, 4}) {
    values[i].first_step = 0;
    values[i].last_step = static_cast<uint16_t>(i == 3 ? 0 : 1);
  }
  values[5].first_step = 1;
  values[5].last_step = values[6].first_step = values[6].last_step = 2;
  ExternalTrainer external(plan);
  REQUIRE(external.Init() == Status::kOk);
  REQUIRE(external.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
  CHECK(external.forward.ranges == Ranges{{0, 1}});
}

TEST_CASE("a failing forward pass changes nothing") {
  ExternalTrainer external;
  REQUIRE(external.Init() == Status::kOk);
  external.forward.answer = Status::kForwardFailed;
  CHECK(external.trainer.Step(kTinyInput, Label::Class(1)) == Status::kForwardFailed);
  CHECK(external.trainer.parameter(0).floats()[0] == kTinyWeights[0]);
}

TEST_CASE("memory of an external program") {
  ExternalTrainer small(TinyPlan(), kProgramBytes - 1), no_arena(TinyPlan(), kProgramBytes, kTinyPersistentBytes - 1);
  CHECK(small.Init() == Status::kArenaTooSmall);
  CHECK(small.trainer.error().required_bytes == kProgramBytes);
  CHECK(no_arena.Init() == Status::kArenaTooSmall);
  CHECK(no_arena.trainer.error().required_bytes == kTinyPersistentBytes);
  ExternalTrainer together(TinyPlan(), 0, kTinyPersistentBytes + kProgramBytes - 1);
  CHECK(together.Init(false) == Status::kArenaTooSmall);
  CHECK(together.trainer.error().required_bytes == kTinyPersistentBytes + kProgramBytes);
  TinyPlan plan;
  plan.programs.pop_back();
  ExternalTrainer without(plan);
  CHECK(without.Init() == Status::kNoProgram);
  CHECK(without.trainer.InitWithForwardPass(without.model.data(), without.model.size(), without.operators,
                                            without.arena.data(), without.arena.size(), nullptr, 0,
                                            nullptr) == Status::kInvalidArgument);
}
