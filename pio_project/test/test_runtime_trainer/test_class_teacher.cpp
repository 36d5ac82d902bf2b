// ClassTeacher: what samples of a new class make of its row and bias.
#include <doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "tflm_train/train/class_teacher.h"
#include "trainer_fixture.h"

using namespace tflm_train;

namespace {

constexpr float kSilent = -1e30f;
constexpr uint32_t kSpareOffset = kTinyStateBytes;
constexpr uint32_t kPersistentBytes = kTinyPersistentBytes + 32;  // 20 more, to 16
constexpr size_t kArenaBytes = kPersistentBytes + kTinyProgramBytes;

/// The tiny model, whose class 1 is silent.
TinyPlan SparePlan() {
  TinyPlan plan;
  plan.defaults.persistent_bytes = kPersistentBytes;
  plan.defaults.constants_offset = kTinyStateBytes + kSpareClassBytes;
  plan.defaults.spare_classes = 1;
  plan.defaults.spare_offset = kSpareOffset;
  return plan;
}

std::vector<uint8_t> SpareModel(const TinyPlan& plan = SparePlan()) {
  ModelFile file = TinyFile();
  const float biases[] = {0.0f, kSilent};
  file.buffers[2] = BytesOf(biases, 2);
  return WriteTinyModel(plan, file);
}

struct Taught : TinyTrainer {
  explicit Taught(const TinyPlan& plan = SparePlan()) : TinyTrainer(SpareModel(plan), kArenaBytes) {}

  float* row() { return trainer.parameter(0).floats() + 3; }
  float bias() { return trainer.parameter(1).floats()[1]; }

  ClassTeacher teacher;
};

bool Close(float a, float b) { return std::fabs(a - b) < 1e-5f; }

}  // namespace

TEST_CASE("a sample sets row and bias") {
  Taught tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  REQUIRE(tiny.teacher.Init(&tiny.trainer) == Status::kOk);
  CHECK((tiny.teacher.first() == 1 && tiny.teacher.spare() == 1));
  CHECK(tiny.teacher.Taught(0));
  CHECK_FALSE(tiny.teacher.Taught(1));
  CHECK_FALSE(tiny.teacher.Taught(2));
  CHECK_FALSE(tiny.teacher.Taught(-1));
  REQUIRE(tiny.teacher.Teach(kTinyInput, 1) == Status::kOk);
  CHECK(tiny.teacher.Taught(1));
  // |x| = sqrt 6, the known row has the norm sqrt 0.14 and gives the logit 0.2
  const float factor = std::sqrt(0.14f / 6.0f);
  for (int i = 0; i < 3; ++i) CHECK(Close(tiny.row()[i], factor * kTinyInput[i]));
  CHECK(Close(tiny.bias(), 0.2f - 0.9f * std::sqrt(0.84f)));
  // a second one, at right angles: |u| = sqrt 2, the known logit 0.3
  const float second[] = {1.0f, 0.0f, 1.0f};
  REQUIRE(tiny.teacher.Teach(second, 1) == Status::kOk);
  for (int i = 0; i < 3; ++i) {
    const float u = kTinyInput[i] / std::sqrt(6.0f) + second[i] / std::sqrt(2.0f);
    CHECK(Close(tiny.row()[i], std::sqrt(0.14f / 2.0f) * u));
  }
  const float norms = (std::sqrt(6.0f) + std::sqrt(2.0f)) / 2.0f;
  CHECK(Close(tiny.bias(), 0.3f - std::sqrt(0.14f) * (std::sqrt(2.0f) / 2.0f - 0.1f) * norms));
  CHECK(std::memcmp(tiny.trainer.parameter(0).floats(), kTinyWeights, 12) == 0);
}

TEST_CASE("a class that is silent never trains, and one that has trained is not taught") {
  Taught tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  REQUIRE(tiny.teacher.Init(&tiny.trainer) == Status::kOk);
  for (int i = 0; i < 20; ++i) REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(0)) == Status::kOk);
  CHECK(tiny.bias() == kSilent);
  CHECK_FALSE(tiny.teacher.Taught(1));
  REQUIRE(tiny.teacher.Teach(kTinyInput, 1) == Status::kOk);
  std::vector<uint8_t> state(tiny.trainer.state_bytes());
  REQUIRE(tiny.trainer.ReadState(0, state.data(), static_cast<uint32_t>(state.size())) == Status::kOk);
  REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(0)) == Status::kOk);
  CHECK(tiny.teacher.Teach(kTinyInput, 1) == Status::kClassTrained);
  REQUIRE(tiny.trainer.WriteState(0, state.data(), static_cast<uint32_t>(state.size())) == Status::kOk);
  CHECK(tiny.teacher.Teach(kTinyInput, 1) == Status::kOk);
  REQUIRE(tiny.trainer.Reset() == Status::kOk);
  CHECK_FALSE(tiny.teacher.Taught(1));
  CHECK(tiny.teacher.Teach(kTinyInput, 1) == Status::kOk);
}

TEST_CASE("what cannot be taught changes nothing") {
  Taught tiny;
  CHECK(tiny.teacher.Teach(kTinyInput, 1) == Status::kNotInitialized);
  CHECK(tiny.teacher.Init(nullptr) == Status::kNotInitialized);
  CHECK(tiny.teacher.Init(&tiny.trainer) == Status::kNotInitialized);
  REQUIRE(tiny.Init() == Status::kOk);
  REQUIRE(tiny.teacher.Init(&tiny.trainer) == Status::kOk);
  CHECK(tiny.teacher.Teach(kTinyInput, 0) == Status::kInvalidLabel);
  CHECK(tiny.teacher.Teach(kTinyInput, 2) == Status::kInvalidLabel);
  CHECK(tiny.teacher.Teach(kTinyInput, -1) == Status::kInvalidLabel);
  CHECK(tiny.teacher.Teach(nullptr, 1) == Status::kInvalidArgument);
  const float zero[3] = {}, huge[3] = {1e30f, 0.0f, 0.0f};
  const float none[3] = {1.0f, std::numeric_limits<float>::quiet_NaN(), 0.0f};
  CHECK(tiny.teacher.Teach(zero, 1) == Status::kInvalidArgument);
  CHECK(std::strcmp(tiny.trainer.error().Text(), "spare classes") == 0);
  CHECK(tiny.teacher.Teach(huge, 1) == Status::kNonFinite);
  CHECK(tiny.teacher.Teach(none, 1) == Status::kNonFinite);
  CHECK(tiny.bias() == kSilent);
  const float opposite[] = {-1.0f, -2.0f, 1.0f};
  REQUIRE(tiny.teacher.Teach(kTinyInput, 1) == Status::kOk);
  const float bias = tiny.bias();
  const Status status = tiny.teacher.Teach(opposite, 1);  // the sum is zero, or what rounding leaves
  CHECK((status == Status::kOk || tiny.bias() == bias));
}

TEST_CASE("a plan that lies about its spare classes is refused") {
  const auto refused = [](auto change) {
    TinyPlan plan = SparePlan();
    change(plan);
    Taught tiny(plan);
    return tiny.Init() != Status::kOk || tiny.teacher.Init(&tiny.trainer) != Status::kOk;
  };
  CHECK_FALSE(refused([](TinyPlan&) {}));
  CHECK(refused([](TinyPlan& plan) { plan.defaults.spare_classes = 0; }));
  for (uint32_t many : {2u, 3u, 0x80000000u, 0xFFFFFFFFu}) {
    CHECK(refused([many](TinyPlan& plan) { plan.defaults.spare_classes = many; }));
  }
  for (uint32_t layer : {1u, 0xFFFFu, 0xFFFFFFFFu}) {
    CHECK(refused([layer](TinyPlan& plan) { plan.defaults.spare_layer = layer; }));
  }
  for (uint32_t offset : {0u, 96u, 98u, 102u, 104u, 0xFFFFFFFCu}) {
    CHECK(refused([offset](TinyPlan& plan) { plan.defaults.spare_offset = offset; }));
  }
  CHECK(refused([](TinyPlan& plan) { plan.defaults.gate_state_bytes = 4; }));
  CHECK(refused([](TinyPlan& plan) { plan.defaults.gate_state_bytes = 0xFFFFFFFCu; }));
}
