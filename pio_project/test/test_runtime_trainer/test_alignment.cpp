// Alignment on a board alone: numbers worked out by hand, sequences of calls, refusals.
#include <doctest.h>

#include <cmath>
#include <cstring>

#include "tflm_train/train/alignment.h"
#include "tiny_alignment.h"

using namespace tflm_train;

namespace {

const Label kFirst = Label::Class(0), kSecond = Label::Class(1);

}  // namespace

TEST_CASE("the correction is that of the formula") {
  // z = W x + b: (0.2, 0) for kTinyInput, (0, 0.5) for zeros; conversion saw kMeans and kDeviations
  Aligned aligned;
  REQUIRE(aligned.Start() == Status::kOk);
  const float zeros[3] = {};
  REQUIRE(aligned.alignment.Measure(kTinyInput) == Status::kOk);
  REQUIRE(aligned.alignment.Measure(zeros) == Status::kOk);
  CHECK(aligned.alignment.measured() == 2);
  const double z[2][2] = {{0.2, 0.0}, {0.0, 0.5}};
  double gain[2], shift[2];
  for (int c = 0; c < 2; ++c) {
    double sum = 8 * kMeans[c], squares = 8 * (kDeviations[c] * kDeviations[c] + kMeans[c] * kMeans[c]);
    for (const auto& sample : z) sum += sample[c], squares += sample[c] * sample[c];
    const double mean = sum / 10, deviation = std::sqrt(squares / 10 - mean * mean);
    gain[c] = kDeviations[c] / deviation;
    shift[c] = kMeans[c] - gain[c] * mean;
  }
  const float* sums = aligned.alignment.sums(0);
  CHECK(sums[0] == doctest::Approx(0.2 + 0.0 - 2 * kMeans[0]));
  CHECK(sums[3] == doctest::Approx((0.0 - kMeans[1]) * (0.0 - kMeans[1]) + (0.5 - kMeans[1]) * (0.5 - kMeans[1])));
  CHECK(aligned.alignment.sums(1) == nullptr);
  CHECK(aligned.Weights() == aligned.untouched);  // nothing is written yet
  REQUIRE(aligned.JudgeAsItPays() == Status::kOk);
  bool accepted = false;
  REQUIRE(aligned.alignment.Accept(0.0f, &accepted) == Status::kOk);
  CHECK(accepted);
  const float* w = aligned.trainer().parameter(0).floats();
  const float* b = aligned.trainer().parameter(1).floats();
  for (int i = 0; i < 6; ++i) CHECK(w[i] == doctest::Approx(gain[i / 3] * static_cast<double>(kTinyWeights[i])));
  for (int c = 0; c < 2; ++c) {
    CHECK(b[c] == doctest::Approx(gain[c] * static_cast<double>(kTinyBiases[c]) + shift[c]));
  }
  CHECK(aligned.alignment.measured() == 0);  // what was measured is of other weights
  CHECK(aligned.alignment.Accept(0.0f, &accepted) == Status::kInvalidArgument);
}

TEST_CASE("gains stay between a quarter and four") {
  for (const float deviation : {1e-3f, 1e3f}) {
    Aligned aligned({0.0f, 0.0f, deviation, deviation});
    REQUIRE(aligned.Start() == Status::kOk);
    const float samples[2][3] = {{30.0f, 0.0f, 0.0f}, {-30.0f, 0.0f, 0.0f}};
    for (int i = 0; i < 400; ++i) REQUIRE(aligned.alignment.Measure(samples[i % 2]) == Status::kOk);
    REQUIRE(aligned.JudgeAsItPays() == Status::kOk);
    bool accepted = false;
    REQUIRE(aligned.alignment.Accept(-1.0f, &accepted) == Status::kOk);
    REQUIRE(accepted);
    const float gain = deviation < 1.0f ? Alignment::kLeastGain : Alignment::kLargestGain;
    CHECK(aligned.trainer().parameter(0).floats()[0] == gain * kTinyWeights[0]);
  }
}

TEST_CASE("what does not pay leaves every bit") {
  Aligned aligned;
  REQUIRE(aligned.Start() == Status::kOk);
  bool accepted = true;
  REQUIRE(aligned.alignment.Measure(kTinyInput) == Status::kOk);
  REQUIRE(aligned.alignment.Accept(-1.0f, &accepted) == Status::kOk);
  CHECK_FALSE(accepted);  // nothing was judged
  REQUIRE(aligned.alignment.Measure(kTinyInput) == Status::kOk);
  for (int i = 0; i < 4; ++i) REQUIRE(aligned.alignment.Judge(kTinyInput, i < 3 ? kFirst : kSecond) == Status::kOk);
  CHECK(aligned.alignment.judged() == 4);
  CHECK(aligned.alignment.decisions() == 4);
  CHECK(aligned.alignment.correct_before() == 3);
  CHECK(aligned.alignment.correct_after() == 1);
  REQUIRE(aligned.alignment.Accept(0.0f, &accepted) == Status::kOk);
  CHECK_FALSE(accepted);
  CHECK(aligned.Weights() == aligned.untouched);
  StepResult result;
  REQUIRE(aligned.trainer().Step(kTinyInput, kFirst, &result) == Status::kOk);
  CHECK(result.correct == 1);
}

TEST_CASE("more than the margin is accepted, as much as the margin is not") {
  for (const float margin : {0.5f, 0.49f}) {
    Aligned aligned;
    REQUIRE(aligned.Start() == Status::kOk);
    REQUIRE(aligned.alignment.Measure(kTinyInput) == Status::kOk);
    for (int i = 0; i < 4; ++i) REQUIRE(aligned.alignment.Judge(kTinyInput, i < 1 ? kFirst : kSecond) == Status::kOk);
    CHECK(aligned.alignment.correct_after() - aligned.alignment.correct_before() == 2);
    bool accepted = false;
    REQUIRE(aligned.alignment.Accept(margin, &accepted) == Status::kOk);
    CHECK(accepted == (margin < 0.5f));
    CHECK((aligned.Weights() == aligned.untouched) == !accepted);
    REQUIRE(aligned.trainer().Reset() == Status::kOk);
    CHECK(aligned.Weights() == aligned.untouched);
  }
}

TEST_CASE("a state undoes an alignment, and training goes on behind it") {
  Aligned aligned;
  REQUIRE(aligned.Start() == Status::kOk);
  Trainer& trainer = aligned.trainer();
  REQUIRE(trainer.Step(kTinyInput, kFirst) == Status::kOk);
  std::vector<uint8_t> state(trainer.state_bytes());
  REQUIRE(trainer.ReadState(0, state.data(), trainer.state_bytes()) == Status::kOk);
  const auto trained = aligned.Weights();
  REQUIRE(aligned.alignment.Measure(kTinyInput) == Status::kOk);
  REQUIRE(aligned.JudgeAsItPays() == Status::kOk);
  bool accepted = false;
  REQUIRE(aligned.alignment.Accept(0.0f, &accepted) == Status::kOk);
  REQUIRE(accepted);
  CHECK(aligned.Weights() != trained);
  REQUIRE(trainer.Step(kTinyInput, kSecond) == Status::kOk);
  REQUIRE(trainer.WriteState(0, state.data(), trainer.state_bytes()) == Status::kOk);
  CHECK(aligned.Weights() == trained);
}

TEST_CASE("NaN and infinity are refused, and statistics start anew") {
  Aligned aligned;
  REQUIRE(aligned.Start() == Status::kOk);
  const float bad[3] = {0.0f, NAN, 0.0f}, huge[3] = {3e38f, 3e38f, 3e38f};
  for (const float* input : {bad, huge}) {
    REQUIRE(aligned.alignment.Measure(kTinyInput) == Status::kOk);
    CHECK(aligned.alignment.Measure(input) == Status::kNonFinite);
    CHECK(aligned.alignment.measured() == 0);
    CHECK(aligned.alignment.sums(0)[0] == 0.0f);
  }
  REQUIRE(aligned.alignment.Measure(kTinyInput) == Status::kOk);
  CHECK(aligned.alignment.Judge(bad, kFirst) == Status::kNonFinite);
  CHECK(aligned.alignment.Judge(kTinyInput, Label::Class(2)) == Status::kInvalidLabel);
  CHECK(aligned.alignment.judged() == 0);
  bool accepted = false;
  CHECK(aligned.alignment.Accept(NAN, &accepted) == Status::kInvalidArgument);
  CHECK(aligned.alignment.Accept(0.0f, nullptr) == Status::kInvalidArgument);
  CHECK(aligned.Weights() == aligned.untouched);
}

TEST_CASE("weights that would overflow are refused") {
  Aligned aligned({0.0f, 0.0f, 1e3f, 1e3f});
  REQUIRE(aligned.Start() == Status::kOk);
  const float zeros[3] = {};
  aligned.trainer().parameter(0).floats()[0] = 2e38f;
  const auto before = aligned.Weights();
  for (int i = 0; i < 400; ++i) REQUIRE(aligned.alignment.Measure(zeros) == Status::kOk);
  for (int i = 0; i < 2; ++i) REQUIRE(aligned.alignment.Judge(zeros, i == 0 ? kFirst : kSecond) == Status::kOk);
  bool accepted = false;
  const Status status = aligned.alignment.Accept(-1.0f, &accepted);
  CHECK(status == Status::kNonFinite);
  CHECK_FALSE(accepted);
  CHECK(aligned.Weights() == before);
}

TEST_CASE("what cannot start says why") {
  Alignment alignment;
  alignas(4) uint8_t memory[64];
  CHECK(alignment.Measure(kTinyInput) == Status::kNotInitialized);
  CHECK(alignment.Judge(kTinyInput, kFirst) == Status::kNotInitialized);
  bool accepted = false;
  CHECK(alignment.Accept(0.0f, &accepted) == Status::kNotInitialized);
  CHECK(alignment.sums(0) == nullptr);
  CHECK(alignment.Init(nullptr, memory, sizeof memory) == Status::kNotInitialized);
  Trainer idle;
  CHECK(alignment.Init(&idle, memory, sizeof memory) == Status::kNotInitialized);
  TinyTrainer plain;
  REQUIRE(plain.Init() == Status::kOk);
  CHECK(Alignment::Bytes(plain.trainer.plan()) == 0);
  CHECK(alignment.Init(&plain.trainer, memory, sizeof memory) == Status::kNoProgram);
  Aligned aligned;
  REQUIRE(aligned.tiny.Init() == Status::kOk);
  Trainer& trainer = aligned.trainer();
  CHECK(Alignment::Bytes(trainer.plan()) == 16);
  CHECK(alignment.Init(&trainer, memory, 15) == Status::kArenaTooSmall);
  CHECK(trainer.error().required_bytes == 16);
  CHECK(std::strcmp(trainer.error().Text(), "alignment") == 0);
  CHECK(alignment.Init(&trainer, nullptr, 16) == Status::kInvalidArgument);
  CHECK(alignment.Init(&trainer, memory + 1, 32) == Status::kMisaligned);
  CHECK(alignment.Measure(kTinyInput) == Status::kNotInitialized);
  CHECK(alignment.Init(&trainer, memory, 16) == Status::kOk);
  CHECK(alignment.Measure(nullptr) == Status::kInvalidArgument);
}
