// Which samples a schedule leaves out.
#include <doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "tflm_train/train/remembered_loss.h"

using namespace tflm_train;

namespace {

constexpr float kThreshold = 0.05f;
const float kEasy = 0.9f * -std::log(1.0f - kThreshold), kHard = 1.1f * -std::log(1.0f - kThreshold);

struct Scheduled {
  explicit Scheduled(uint32_t samples, float threshold = kThreshold) : memory(RememberedLoss::Bytes(samples), 0xAA) {
    REQUIRE(schedule.Init(memory.data(), samples, threshold) == Status::kOk);
  }
  /// One letter for each epoch: whether the sample takes part, with the loss of `of(epoch)`.
  template <class Loss>
  std::string Epochs(uint32_t sample, int count, Loss of) {
    std::string taken;
    for (int epoch = 0; epoch < count; ++epoch) {
      const bool present = schedule.Next(sample);
      taken += present ? 'x' : '.';
      if (present) schedule.Remember(sample, of(epoch));
    }
    return taken;
  }
  std::vector<uint8_t> memory;
  RememberedLoss schedule;
};

}  // namespace

TEST_CASE("an easy sample sits out one epoch, then two, then four, and four from then on") {
  Scheduled two(2);
  CHECK(two.Epochs(0, 24, [](int) { return kEasy; }) == "x.x..x....x....x....x...");
  CHECK(two.Epochs(1, 8, [](int) { return kHard; }) == "xxxxxxxx");
}

TEST_CASE("a sample that is hard again starts anew") {
  Scheduled one(1);
  // hard in epoch 5, when it comes back from two epochs
  CHECK(one.Epochs(0, 16, [](int epoch) { return epoch == 5 ? kHard : kEasy; }) == "x.x..xx.x..x....");
}

TEST_CASE("easy is an error 1 - exp(-loss) below the threshold, of the loss without the sample's weight") {
  const auto sits_out = [](float threshold, float loss, float weight) {
    Scheduled one(1, threshold);
    one.schedule.Remember(0, loss, weight);
    return !one.schedule.Next(0);
  };
  for (float threshold : {0.01f, 0.05f, 0.5f, 0.99f}) {
    for (float p : {0.02f, 0.3f, 0.45f, 0.55f, 0.93f, 0.97f, 0.995f}) {
      for (float weight : {0.25f, 1.0f, 3.0f}) {
        CHECK(sits_out(threshold, -std::log(p) * weight, weight) == (1.0f - p < threshold));
      }
    }
  }
  CHECK(sits_out(0.05f, 0.0f, 1.0f));
  CHECK_FALSE(sits_out(0.05f, 0.0f, 0.0f));  // nobody knows
  CHECK_FALSE(sits_out(0.0f, 0.0f, 1.0f));
  CHECK_FALSE(sits_out(0.05f, std::numeric_limits<float>::infinity(), 1.0f));
}

TEST_CASE("samples without memory take part, and nothing outside it is written") {
  std::vector<uint8_t> memory(5, 0xAA);
  RememberedLoss schedule;
  CHECK(schedule.Next(0));
  schedule.Remember(0, 0.0f);
  REQUIRE(schedule.Init(memory.data() + 1, 3, kThreshold) == Status::kOk);
  CHECK(schedule.samples() == 3);
  for (uint32_t i : {0u, 1u, 2u, 3u, 4u, 0xFFFFFFFFu}) schedule.Remember(i, 0.0f);
  CHECK_FALSE(schedule.Next(2));
  CHECK(schedule.Next(3));
  CHECK(schedule.Next(0xFFFFFFFFu));
  CHECK(memory.front() == 0xAA);
  CHECK(memory.back() == 0xAA);
}

TEST_CASE("a copy of the memory brings back what was remembered") {
  Scheduled one(1);
  one.Epochs(0, 4, [](int) { return kEasy; });
  const std::vector<uint8_t> copy = one.memory;
  const std::string after = one.Epochs(0, 12, [](int) { return kEasy; });
  std::memcpy(one.memory.data(), copy.data(), copy.size());
  CHECK(one.Epochs(0, 12, [](int) { return kEasy; }) == after);
}

TEST_CASE("no memory and thresholds outside [0, 1) are refused: nothing is remembered then") {
  uint8_t memory[1];
  RememberedLoss schedule;
  CHECK(schedule.Init(nullptr, 1, kThreshold) == Status::kInvalidArgument);
  for (float bad : {-0.1f, 1.0f, 2.0f, std::numeric_limits<float>::quiet_NaN()}) {
    CHECK(schedule.Init(memory, 1, bad) == Status::kInvalidArgument);
    CHECK(schedule.samples() == 0);
    CHECK(schedule.Next(0));
  }
}
