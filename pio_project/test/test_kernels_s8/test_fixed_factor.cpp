// Fixed-point factors: the numbers that they stand for, and integers times them by definition.
#include <cmath>
#include <limits>

#include "int8_testing.h"
#include "tflm_train/kernels/s8/fixed_factor.h"
#include "tflm_train/kernels/s8/rounding.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

double ValueOf(FixedFactor factor) { return std::ldexp(static_cast<double>(factor.multiplier), -factor.shift); }

bool IsNormal(FixedFactor factor) {
  const int64_t magnitude = std::abs(int64_t{factor.multiplier});
  return magnitude >= int64_t{1} << 30 && magnitude < int64_t{1} << 31;
}

/// Of any sign and exponent.
float AnyFloat(Random& random) {
  const uint32_t bits = random.Next() << 8 ^ random.Next();
  const uint32_t exponent = random.Below(8) == 0 ? random.Below(2) : 1 + random.Below(254);
  return FloatOf((bits & 0x807fffffu) | exponent << 23);
}

}  // namespace

TEST_CASE("fixed factors: a float's value, exactly, and its reciprocal") {
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    const float value = AnyFloat(random);
    if (value == 0.0f) continue;
    const FixedFactor factor = Fixed(value), reciprocal = FixedReciprocal(value);
    REQUIRE(IsNormal(factor));
    REQUIRE(ValueOf(factor) == static_cast<double>(value));
    REQUIRE(IsNormal(reciprocal));
    REQUIRE(std::fabs(ValueOf(reciprocal) * static_cast<double>(value) - 1) <= std::ldexp(1.0, -30));
    REQUIRE(ValueOf(TimesPowerOfTwo(factor, -7)) == static_cast<double>(value) / 128);
  }
  for (float value : {1.0f, -2.0f, 0.25f, 16777215.0f, std::numeric_limits<float>::denorm_min()}) {
    CHECK(ValueOf(Fixed(value)) == static_cast<double>(value));
    CHECK(ValueOf(FixedReciprocal(value)) == doctest::Approx(1 / static_cast<double>(value)).epsilon(1e-9));
  }
}

TEST_CASE("fixed factors: no number is none, infinity is beyond all bounds") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (float value : {0.0f, -0.0f, std::numeric_limits<float>::quiet_NaN()}) CHECK(Fixed(value).multiplier == 0);
  CHECK(FixedReciprocal(kInfinity).multiplier == 0);
  for (FixedFactor factor : {Fixed(kInfinity), FixedReciprocal(0.0f), TimesPowerOfTwo(Fixed(kInfinity), -30)}) {
    CHECK(ScaleHalfUp<int8_t>(1, factor) == 1 << 30);
    CHECK(ScaleHalfUp<int8_t>(-1, factor) == -(1 << 30));
    CHECK(ScaleHalfUp<int32_t>(1, factor) == int64_t{1} << 62);
    CHECK(ScaleHalfUp<int32_t>(0, factor) == 0);
  }
  CHECK(ScaleHalfUp<int32_t>(1, Fixed(-kInfinity)) == -(int64_t{1} << 62));
}

TEST_CASE("fixed factors: products") {
  Random random(4);
  const FixedFactor ends[] = {{1 << 30, 0}, {INT32_MAX, 40}, {-INT32_MAX, -20}, {-(1 << 30), 31}, {1518500250, 31}};
  for (int i = 0; i < 20000; ++i) {
    const FixedFactor a = i < 5 ? ends[i] : RandomFixed(random, -90, 90),
                      b = i < 5 ? ends[4 - i] : RandomFixed(random, -90, 90);
    const FixedFactor product = Times(a, b);
    REQUIRE(IsNormal(product));
    REQUIRE(std::fabs(ValueOf(product) / (ValueOf(a) * ValueOf(b)) - 1) <= std::ldexp(1.0, -29));
  }
  CHECK(Times({0, 0}, {INT32_MAX, 3}).multiplier == 0);
}

TEST_CASE("fixed factors: integers times them are rounded half up by definition") {
  Random random(5);
  for (int32_t shift = -40; shift <= 70; ++shift) {
    for (int i = 0; i < 300; ++i) {
      const FixedFactor factor = RandomFixed(random, shift, shift);
      auto value = static_cast<int32_t>(random.Next() << 8 ^ random.Next()) >> random.Below(32);
      if (i == 0) value = INT32_MIN;
      const int64_t product = int64_t{value} * factor.multiplier;
      constexpr int64_t kMost = int64_t{1} << 62;
      int64_t expected = 0;
      if (shift <= 0) {
        const double wide = std::ldexp(static_cast<double>(product), -shift);
        expected =
            std::fabs(wide) >= std::ldexp(1.0, 62) ? (product > 0 ? kMost : -kMost) : product * (int64_t{1} << -shift);
      } else if (shift < 62) {
        expected = FloorDivide(product + (int64_t{1} << (shift - 1)), int64_t{1} << shift);
      } else if (shift == 62) {
        expected = FloorDivide(FloorDivide(product, 2) + (int64_t{1} << 60), int64_t{1} << 61);
      }
      REQUIRE(ScaleHalfUp<int32_t>(value, factor) == expected);
      const int64_t narrow = std::min(std::max(expected, -(int64_t{1} << 30)), int64_t{1} << 30);
      REQUIRE(ScaleHalfUp<int8_t>(value, factor) == narrow);
    }
  }
}

TEST_CASE("fixed factors: every tie is rounded up") {
  for (int32_t value = -4096; value <= 4096; ++value) {
    for (int32_t shift = 1; shift <= 10; ++shift) {
      const FixedFactor half = {1 << 30, 30 + shift};  // 2^-shift
      const auto expected = static_cast<int32_t>(std::floor(std::ldexp(static_cast<double>(value), -shift) + 0.5));
      REQUIRE(ScaleHalfUp<int8_t>(value, half) == expected);
      REQUIRE(ScaleHalfUp<int32_t>(value, half) == expected);
      REQUIRE(ScaleHalfUp<int8_t>(-value, {-half.multiplier, half.shift}) == expected);
    }
  }
}
