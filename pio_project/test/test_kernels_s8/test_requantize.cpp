#include <limits>

#include "int8_testing.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

constexpr int32_t kOne = int32_t{1} << 30;  // 0.5 as a multiplier
constexpr int32_t kLargest = std::numeric_limits<int32_t>::max(), kLowest = std::numeric_limits<int32_t>::min();

}  // namespace

TEST_CASE("requantize: ties are rounded up by the multiplication, away from zero by the shift") {
  CHECK(Requantize(3, kOne, 0) == 2);    // 1.5
  CHECK(Requantize(-3, kOne, 0) == -1);  // -1.5
  CHECK(Requantize(6, kOne, -1) == 2);   // 3 / 2
  CHECK(Requantize(-6, kOne, -1) == -2);
  CHECK(Requantize(-5, kOne, -1) == -1);  // -2.5, rounded to -2, then -1
  CHECK(Requantize(5, kOne, 3) == 20);
  CHECK(Requantize(12345, 0, 0) == 0);
}

TEST_CASE("requantize: two roundings in 64 bits by definition") {
  Random random(1);
  for (int32_t shift = -31; shift <= 8; ++shift) {
    for (int32_t i = 0; i < 400; ++i) {
      const Pair32 pair = RandomFactor(random, shift, shift);
      const int32_t wide = static_cast<int32_t>(random.Next() << 8 ^ random.Next());
      const int32_t value = shift > 0 ? wide / (int32_t{1} << shift) : wide;
      REQUIRE(Requantize(value, pair.multiplier, shift) == ExactRequantize(value, pair.multiplier, shift));
    }
  }
  for (int32_t value : std::initializer_list<int32_t>{kLargest, kLowest, -1, 0, 1, kOne, -kOne}) {
    for (int32_t multiplier : std::initializer_list<int32_t>{0, 1, kOne, kLargest}) {
      for (int32_t shift : {-31, -30, -1, 0}) {
        CHECK(Requantize(value, multiplier, shift) == ExactRequantize(value, multiplier, shift));
      }
    }
  }
}

TEST_CASE("requantize: every tie and its neighbours") {
  for (int32_t shift = -10; shift <= 0; ++shift) {
    for (int32_t value = -3000; value <= 3000; ++value) {
      for (int32_t multiplier : {kOne, kOne + 1, kOne + (kOne >> 1), kLargest}) {
        REQUIRE(Requantize(value, multiplier, shift) == ExactRequantize(value, multiplier, shift));
      }
    }
  }
}

TEST_CASE("requantize: what leaves 31 bits wraps, and is defined") {
  CHECK(Requantize(kLargest, kOne, 1) == -1);  // (2^31 - 1) * 2 = -2 modulo 2^32
  CHECK(WrappingAdd(kLargest, 1) == kLowest);
  CHECK(WrappingMultiply(kLowest, -1) == kLowest);
}

TEST_CASE("factors: of pairs outside their ranges none is one") {
  CHECK(IsFactor(0, -31));
  CHECK(IsFactor(kLargest, 30));
  CHECK_FALSE(IsFactor(-1, 0));
  CHECK_FALSE(IsFactor(kOne, 31));
  CHECK_FALSE(IsFactor(kOne, -32));
}

TEST_CASE("output stage: a pair for all channels or one for each, zero point, clamp") {
  const int32_t pairs[] = {kOne, 0, kOne, 1, kOne, -2};
  const OutputStage each = {{pairs, 2}, -10, -20, 100}, one = {{pairs, 0}, -10, -20, 100};
  CHECK(each.Apply(40, 0) == 10);
  CHECK(each.Apply(40, 1) == 30);
  CHECK(each.Apply(40, 2) == -5);
  CHECK(one.Apply(40, 2) == 10);
  CHECK(one.Apply(2000, 0) == 100);
  CHECK(one.Apply(-2000, 0) == -20);
  CHECK(one.Apply(kLargest, 0) == 100);
  CHECK(one.Apply(kLowest, 0) == -20);
}

TEST_CASE("range of an output: errors pass strictly inside") {
  const Int8Range range = {-128, 20};
  CHECK_FALSE(range.Passes(-128));
  CHECK(range.Passes(-127));
  CHECK(range.Passes(19));
  CHECK_FALSE(range.Passes(20));
}
