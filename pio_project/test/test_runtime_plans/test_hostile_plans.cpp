#include <doctest.h>

#include <cstdio>
#include <iterator>
#include <random>

#include "../test_runtime_trainer/tiny_alignment.h"

using namespace tflm_train;

namespace {

/// Initialises and, where the plan passes, trains; the sanitizers see what goes wrong.
Status TryModel(const std::vector<uint8_t>& file) {
  TinyTrainer probe(file, 0);
  const Status first = probe.Init();
  const uint32_t required = probe.trainer.error().required_bytes;
  if (first != Status::kArenaTooSmall || required > 100000) return first;
  TinyTrainer tiny(file, required);
  const Status status = tiny.Init();
  if (status != Status::kOk) return status;
  const std::vector<float> input(tiny.trainer.input_elements(), 0.5f);
  for (int i = 0; i < 3; ++i) static_cast<void>(tiny.trainer.Step(input.data(), Label::Class(i % 2)));
  const float* output = nullptr;
  static_cast<void>(tiny.trainer.Infer(input.data(), &output));
  static_cast<void>(tiny.trainer.Flush());
  std::vector<float> sums(Alignment::Bytes(tiny.trainer.plan()) / sizeof(float));
  Alignment alignment;
  if (sums.size() > 100000 || alignment.Init(&tiny.trainer, sums.data(), sums.size() * sizeof(float)) != Status::kOk) {
    return status;
  }
  bool accepted = false;
  static_cast<void>(alignment.Measure(input.data()));
  for (int i = 0; i < 2; ++i) static_cast<void>(alignment.Judge(input.data(), Label::Class(i)));
  static_cast<void>(alignment.Accept(-1.0f, &accepted));
  return status;
}

/// Where the plan lies in the file: its checksums are the only bytes that the file changes.
size_t PlanPosition(const std::vector<uint8_t>& file) {
  const std::vector<uint8_t> plan = AlignPlan().Encode();
  size_t begin = 0;
  while (std::memcmp(file.data() + begin, plan.data(), 8) != 0) ++begin;
  return begin;
}

// Boards are slow.
constexpr bool kThorough = sizeof(void*) == 8;

}  // namespace

TEST_CASE("a cut file is refused at every length") {
  const std::vector<uint8_t> file = WriteTinyModel(AlignPlan());
  uint32_t accepted = 0;
  for (size_t size = 0; size < file.size(); size += kThorough ? 1 : 29) {
    const std::vector<uint8_t> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    if (TryModel(cut) == Status::kOk) ++accepted;
  }
  CHECK(accepted <= 16);  // the padding at the end carries nothing
}

TEST_CASE("flipped bits are found or harmless, in the plan always found") {
  const std::vector<uint8_t> file = WriteTinyModel(AlignPlan());
  const size_t begin = PlanPosition(file);
  const size_t end = begin + AlignPlan().Encode().size();
  for (size_t bit = 0; bit < file.size() * 8; bit += kThorough ? 1 : 29) {
    std::vector<uint8_t> flipped = file;
    flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
    const Status status = TryModel(flipped);
    if (bit / 8 >= begin && bit / 8 < end) REQUIRE(status != Status::kOk);
  }
}

TEST_CASE("hostile plans with right checksums") {
  const std::vector<uint8_t> file = WriteTinyModel(AlignPlan());
  const size_t begin = PlanPosition(file);
  const size_t plan_size = AlignPlan().Encode().size();
  const uint32_t interesting[] = {0,  1,  2,   3,    4,      7,      8,      16,         24,
                                  48, 96, 255, 1000, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF};
  std::mt19937 engine(4);
  const auto random = [&engine] { return static_cast<uint32_t>(engine()); };
  constexpr int kTrials = kThorough ? 6000 : 500;
  int accepted = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<uint8_t> hostile = file;
    uint8_t* bytes = hostile.data() + begin;
    const uint32_t changes = 1 + random() % 3;
    for (uint32_t i = 0; i < changes; ++i) {
      const uint32_t width = 1u << (random() % 3);
      const auto fields = static_cast<uint32_t>((plan_size - sizeof(PlanHeader)) / width);
      const size_t position = sizeof(PlanHeader) + size_t{width} * (random() % fields);
      uint32_t value = 0;
      std::memcpy(&value, bytes + position, width);
      value = random() % 2 == 0 ? interesting[random() % static_cast<uint32_t>(std::size(interesting))]
                                : value + random() % 5 - 2;
      std::memcpy(bytes + position, &value, width);
    }
    TinyPlan::FixChecksum(bytes);
    if (TryModel(hostile) == Status::kOk) ++accepted;
  }
  std::printf("hostile plans: %d of %d accepted\n", accepted, kTrials);
  CHECK(accepted > 0);
  CHECK(accepted < kTrials / 2);
}
