// Plans whose program for alignment contradicts itself or the model.
#include <doctest.h>

#include "../test_runtime_trainer/tiny_alignment.h"

using namespace tflm_train;

namespace {

template <class Change>
Status With(Change change) {
  TinyPlan plan = AlignPlan();
  change(plan, plan.programs.back());
  TinyTrainer tiny(plan);
  const Status status = tiny.Init();
  if (status != Status::kOk) return status;
  alignas(4) uint8_t memory[64];
  Alignment alignment;
  return alignment.Init(&tiny.trainer, memory, sizeof memory);
}

StepRecord& AlignStep(TinyPlan& plan) { return plan.steps[plan.programs.back().step_begin + 1]; }

}  // namespace

TEST_CASE("the plan that the refusals start from is accepted") {
  CHECK(With([](TinyPlan&, ProgramRecord&) {}) == Status::kOk);
}

TEST_CASE("statistics") {
  const auto with = [](size_t number, float value) {
    return With([=](TinyPlan& p, ProgramRecord&) { p.words[AlignStep(p).word_begin + 1 + number] = BitsOf(value); });
  };
  const float infinite = 1e38f * 10.0f;
  CHECK(with(0, -5.0f) == Status::kOk);
  CHECK(with(3, 0.0f) == Status::kOk);
  CHECK(with(0, infinite) == Status::kPlanInvalid);
  CHECK(with(1, infinite - infinite) == Status::kPlanInvalid);
  CHECK(with(2, -0.5f) == Status::kPlanInvalid);
  CHECK(with(3, infinite) == Status::kPlanInvalid);
}

TEST_CASE("steps that align") {
  for (uint16_t words = 0; words < 7; ++words) {
    if (words == 5) continue;
    CHECK(With([=](TinyPlan& p, ProgramRecord&) { AlignStep(p).word_count = words; }) ==
          (words < 2 ? Status::kNoProgram : Status::kPlanInvalid));  // without channels there is nothing to align
  }
  CHECK(With([](TinyPlan& p, ProgramRecord&) { p.words[AlignStep(p).word_begin] = 4; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p, ProgramRecord&) { AlignStep(p).layer = 1; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p, ProgramRecord&) { AlignStep(p).layer = kNoneIndex; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p, ProgramRecord&) { AlignStep(p).value_count = 0; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p, ProgramRecord&) { p.indices[AlignStep(p).value_begin] = kNoneIndex; }) ==
        Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p, ProgramRecord&) { p.indices[AlignStep(p).value_begin] = 0; }) ==
        Status::kPlanInvalid);  // the caller's input
  CHECK(With([](TinyPlan& p, ProgramRecord&) { p.indices[AlignStep(p).value_begin] = 1; }) ==
        Status::kPlanInvalid);  // a weight
  CHECK(With([](TinyPlan& p, ProgramRecord&) { AlignStep(p).phase = static_cast<uint8_t>(Phase::kBackward); }) ==
        Status::kPlanInvalid);
}

TEST_CASE("programs that align") {
  CHECK(With([](TinyPlan&, ProgramRecord& a) { a.arena_bytes = 64; }) == Status::kPlanInvalid);  // more than training
  CHECK(With([](TinyPlan&, ProgramRecord& a) { a.backward_count = 1; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan&, ProgramRecord& a) { a.first_operator = 1; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan&, ProgramRecord& a) { a.loss_input = 3; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan&, ProgramRecord& a) { a.kind = 5; }) == Status::kNoProgram);
  CHECK(With([](TinyPlan&, ProgramRecord& a) { a.forward_kind = 1; }) == Status::kNoProgram);
  CHECK(With([](TinyPlan& p, ProgramRecord&) { p.layers[0].bias = kNoneIndex; }) != Status::kOk);
  CHECK(With([](TinyPlan& p, ProgramRecord&) { AlignStep(p).kernel = static_cast<uint16_t>(KernelId::kRelu); }) ==
        Status::kNoProgram);  // nothing aligns
}
