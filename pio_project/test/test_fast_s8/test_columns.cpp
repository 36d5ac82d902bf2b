// Columns against filters, by definition, in every build of the loops.
#include "fast_s8_testing.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

std::vector<int8_t> Expected(const std::vector<int8_t>& x, int32_t zero, const std::vector<int8_t>& w,
                             const int32_t* bias, size_t count, const OutputStage& stage) {
  std::vector<int8_t> y(count);
  for (size_t o = 0; o < count; ++o) {
    uint32_t sum = bias != nullptr ? static_cast<uint32_t>(bias[o]) : 0;
    for (size_t i = 0; i < x.size(); ++i) sum += static_cast<uint32_t>((x[i] - zero) * w[o * x.size() + i]);
    y[o] = stage.Apply(static_cast<int32_t>(sum), static_cast<uint32_t>(o));
  }
  return y;
}

void Check(const InnerS8& inner, Random& random, int32_t n, int32_t count, bool quick) {
  const size_t shift = random.Below(4);
  const int32_t zero = random.Below(3) == 0 ? -128 : static_cast<int32_t>(random.Below(256)) - 128;
  Bytes first(random, size_t(n), shift), second(random, size_t(n), 3 - shift), w(random, size_t(n * count), shift);
  const auto bias = Biases(random, size_t(count), random.Below(2) == 0);
  const AnyStage any(random, uint32_t(count), random.Below(2) == 0, quick, random.Below(4) == 0);
  const OutputStage stage = any.stage();
  const fast::s8::QuickStage seen(stage, count);
  if (quick) CHECK(seen.quick);
  const int32_t* b = random.Below(4) == 0 ? nullptr : bias.data();
  const fast::s8::Filters filters = {w.data(), b, n, count, seen};
  const auto expected = Expected(first.Copy(), zero, w.Copy(), b, size_t(count), stage);
  const auto expected_second = Expected(second.Copy(), zero, w.Copy(), b, size_t(count), stage);
  const uint32_t elements = fast::s8::ColumnElements(uint32_t(n));

  Scratch one(elements);
  Bytes y(random, size_t(count), shift), y1(random, size_t(count), 2 - shift / 2);
  inner.widen(first.data(), n, zero, 0, 1, one.workspace().values);
  inner.dot_column(filters, one.workspace().values, y.data());
  CHECK(y.Copy() == expected);

  Scratch two(2 * elements);
  inner.widen(first.data(), n, zero, 0, 2, two.workspace().values);
  inner.widen(second.data(), n, zero, 1, 2, two.workspace().values);
  inner.dot_columns(filters, two.workspace().values, y.data(), y1.data());
  CHECK(y.Copy() == expected);
  CHECK(y1.Copy() == expected_second);
  CHECK(y.GuardsIntact());
  CHECK(y1.GuardsIntact());
  CHECK(one.GuardIntact());
  CHECK(two.GuardIntact());
}

}  // namespace

TEST_CASE("int8 columns: every length and number of filters, any address and stage") {
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    Random random(5);
    for (int32_t n = 1; n <= 41; ++n) {
      for (int32_t count : {1, 2, 3, 4, 5, 7, 8, 11}) {
        CAPTURE(n);
        CAPTURE(count);
        Check(inner, random, n, count, true);
        Check(inner, random, n, count, false);
      }
    }
    Check(inner, random, 300, 6, true);
  }
}

TEST_CASE("int8 columns: sums at the ends of 32 bits, ties of both roundings") {
  // bias alone makes the sum: x equals its zero point
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    Random random(6);
    const std::vector<int8_t> x(4, 9);
    for (int32_t shift = -20; shift <= -1; ++shift) {
      for (int32_t multiplier : {int32_t{1} << 30, (int32_t{1} << 30) + 1, int32_t{1518500250}, INT32_MAX}) {
        std::vector<int32_t> bias = {0, INT32_MAX, INT32_MIN, 1 << 30, -(1 << 30), (1 << 30) - 1, (1 << 30) + 1};
        for (int32_t value = -40; value <= 40; ++value) {  // around every multiple of a half
          bias.push_back(static_cast<int32_t>(static_cast<uint32_t>(value) << (1 - shift)));
          bias.push_back(bias.back() + 1);
          bias.push_back(bias.back() - 2);
        }
        const auto count = static_cast<int32_t>(bias.size());
        const std::vector<int32_t> pairs = {multiplier, shift};
        const OutputStage stage = {{pairs.data(), 0}, 11, -128, 127};
        const fast::s8::QuickStage seen(stage, count);
        CHECK(seen.quick);
        const Bytes w(random, 4 * bias.size(), 0);
        const std::vector<int8_t> weights = w.Copy();
        const auto expected = Expected(x, 9, weights, bias.data(), bias.size(), stage);
        const fast::s8::Filters filters = {weights.data(), bias.data(), 4, count, seen};
        Scratch column(8);
        std::vector<int8_t> y(bias.size()), y0 = y, y1 = y;
        inner.widen(x.data(), 4, 9, 0, 1, column.workspace().values);
        inner.dot_column(filters, column.workspace().values, y.data());
        CHECK(y == expected);
        inner.widen(x.data(), 4, 9, 0, 2, column.workspace().values);
        inner.widen(x.data(), 4, 9, 1, 2, column.workspace().values);
        inner.dot_columns(filters, column.workspace().values, y0.data(), y1.data());
        CHECK(y0 == expected);
        CHECK(y1 == expected);
      }
    }
  }
}

TEST_CASE("int8 stages: which are quick") {
  const auto quick = [](std::vector<int32_t> pairs, uint32_t step) {
    const OutputStage stage = {{pairs.data(), step}, 0, -128, 127};
    return fast::s8::QuickStage(stage, 2).quick;
  };
  CHECK(quick({1 << 30, -1, INT32_MAX, -20}, 2));
  CHECK_FALSE(quick({1 << 30, -1, INT32_MAX, -21}, 2));
  CHECK(quick({1 << 30, -1, INT32_MAX, -21}, 0));
  CHECK_FALSE(quick({1 << 30, 0}, 0));
  CHECK_FALSE(quick({1 << 30, 1}, 0));
  CHECK_FALSE(quick({(1 << 30) - 1, -5}, 0));
  CHECK_FALSE(quick({0, 0}, 0));
}
