// Fast ADD and SUB have the plain ones' bits, with factors of every kind.
#include "fast_s8_testing.h"
#include "tflm_train/kernels/fast/s8/add.h"

using namespace tflm_train;
using namespace tflm_train::testing;

TEST_CASE("fast int8 add: the plain rule's bits, quick factors and others") {
  Random random(41);
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    int wrong = 0;
    for (int round = 0; round < 400; ++round) {
      const auto n = static_cast<uint32_t>(random.Below(40));
      const int32_t far = random.Below(4) == 0 ? -31 : -20;
      const Pair32 of_a = RandomFactor(random, -6, 0), of_b = random.Below(2) == 0 ? Pair32{1 << 30, 0} : of_a;
      const Pair32 of_sum = RandomFactor(random, far, random.Below(8) == 0 ? 1 : -14);
      const int32_t pairs[] = {of_a.multiplier, of_a.shift,        of_b.multiplier,
                               of_b.shift,      of_sum.multiplier, of_sum.shift};
      const int32_t zero_a = random.Below(2) == 0 ? -128 : 127, zero_b = static_cast<int32_t>(random.Below(256)) - 128;
      const tflm_train::s8::AddStage stage = {zero_a, zero_b, {pairs, 2}, 5, -128 + int32_t(random.Below(100)), 127};
      const int32_t sign = random.Below(2) == 0 ? 1 : -1;
      Bytes a(random, n, random.Below(4)), b(random, n, random.Below(4)), y(random, n, random.Below(4));
      inner.add_row(stage, sign, a.data(), b.data(), n, y.data());
      for (uint32_t i = 0; i < n; ++i) wrong += y.data()[i] != stage.Add(sign, a.data()[i], b.data()[i]);
      wrong += !y.GuardsIntact();
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("fast int8 add: operands that are broadcast too") {
  Random random(42);
  const int32_t pairs[] = {1 << 30, 0, 1 << 30, -1, 1500000000, -18};
  const tflm_train::s8::AddStage stage = {3, -4, {pairs, 2}, 5, -120, 90};
  for (const Dims& of_b : {Dims{3, {2, 3, 4}}, Dims{3, {1, 3, 4}}, Dims{3, {2, 3, 1}}, Dims{1, {1}}}) {
    const StridedWalk walk = BroadcastWalk({3, {2, 3, 4}}, {3, {2, 3, 4}}, of_b);
    const std::vector<int8_t> a = Integers(random, 24), b = Integers(random, 24);
    std::vector<int8_t> found(24), expected(24);
    fast::s8::AddForward(walk, stage, -1, a.data(), b.data(), found.data());
    tflm_train::s8::AddForward(walk, stage, -1, a.data(), b.data(), expected.data());
    CHECK(found == expected);
  }
}
