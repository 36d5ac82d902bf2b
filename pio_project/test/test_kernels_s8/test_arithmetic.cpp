#include "int8_testing.h"
#include "tflm_train/kernels/binary.h"
#include "tflm_train/kernels/s8/arithmetic.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

constexpr int32_t kHalf = int32_t{1} << 30;

struct Operands {
  Dims y, a, b;
};
const Operands kOperands[] = {{{2, {3, 4}}, {2, {3, 4}}, {2, {3, 4}}},
                              {{3, {2, 3, 4}}, {3, {2, 3, 4}}, {1, {4}}},
                              {{3, {2, 3, 4}}, {3, {2, 1, 4}}, {2, {3, 1}}},
                              {{1, {5}}, {1, {1}}, {1, {5}}}};

size_t ElementsOf(const Dims& dims) {
  size_t n = 1;
  for (int32_t i = 0; i < dims.rank; ++i) n *= size_t(dims.size[i]);
  return n;
}

/// The element of an operand that element i of the result reads.
size_t Broadcast(const Dims& result, const Dims& operand, size_t i) {
  size_t at = 0, step = 1;
  for (int32_t d = result.rank - 1; d >= 0; --d) {
    const size_t place = i % size_t(result.size[d]);
    i /= size_t(result.size[d]);
    const int32_t own = d - (result.rank - operand.rank);
    if (own < 0 || operand.size[own] == 1) continue;
    at += place * step;
    step *= size_t(operand.size[own]);
  }
  return at;
}

}  // namespace

TEST_CASE("int8 add and sub: small numbers by hand") {
  // a in units of 1, b in units of 1 / 2, y in units of 1 / 4, so that twice the larger scale is 2
  const int32_t pairs[] = {kHalf, 0, kHalf, -1, kHalf, 4 - 20};
  const s8::AddStage stage = {10, -20, {pairs, 2}, 3, -100, 100};
  const int8_t a[] = {11, 8, 60}, b[] = {-19, -23, 0};
  int8_t y[3];
  const StridedWalk walk = BroadcastWalk({1, {3}}, {1, {3}}, {1, {3}});
  s8::AddForward(walk, stage, 1, a, b, y);  // 1 + 0.5, -2 - 1.5, 50 + 10
  CHECK(std::vector<int8_t>(y, y + 3) == std::vector<int8_t>{6 + 3, -14 + 3, 100});
  s8::AddForward(walk, stage, -1, a, b, y);
  CHECK(std::vector<int8_t>(y, y + 3) == std::vector<int8_t>{2 + 3, -2 + 3, 100});
}

TEST_CASE("int8 add, sub and mul by definition, operands broadcast") {
  Random random(11);
  for (const Operands& dims : kOperands) {
    const StridedWalk walk = BroadcastWalk(dims.y, dims.a, dims.b);
    const size_t n = ElementsOf(dims.y);
    for (int32_t round = 0; round < 20; ++round) {
      const std::vector<int8_t> a = Integers(random, ElementsOf(dims.a)), b = Integers(random, ElementsOf(dims.b));
      const int32_t zero_a = static_cast<int32_t>(random.Below(256)) - 128;
      const int32_t zero_b = static_cast<int32_t>(random.Below(256)) - 128;
      const Pair32 of_a = RandomFactor(random, -3, 0), of_b = RandomFactor(random, -3, 0);
      const Pair32 of_sum = RandomFactor(random, -20, -18);
      const int32_t pairs[] = {of_a.multiplier, of_a.shift,        of_b.multiplier,
                               of_b.shift,      of_sum.multiplier, of_sum.shift};
      const s8::AddStage add = {zero_a, zero_b, {pairs, 2}, 5, -120, 90};
      const Stage mul(random, 1, false, ShiftFor(1));
      std::vector<int8_t> sum(n), difference(n), product(n), larger(n);
      WorkCounters work;
      s8::AddForward(walk, add, 1, a.data(), b.data(), sum.data());
      s8::AddForward(walk, add, -1, a.data(), b.data(), difference.data());
      s8::MulForward(walk, zero_a, zero_b, mul.stage(), a.data(), b.data(), product.data(), work);
      BroadcastForward(walk, a.data(), b.data(), larger.data(), MaximumFunction::Value<int8_t>);
      CHECK(work.forward == n);
      for (size_t i = 0; i < n; ++i) {
        const int32_t p = a[Broadcast(dims.y, dims.a, i)], q = b[Broadcast(dims.y, dims.b, i)];
        const int64_t scaled_p = ExactRequantize((p - zero_a) * (1 << 20), of_a.multiplier, of_a.shift);
        const int64_t scaled_q = ExactRequantize((q - zero_b) * (1 << 20), of_b.multiplier, of_b.shift);
        const auto expected = [&](int64_t s) {
          const int64_t y = ExactRequantize(static_cast<int32_t>(s), of_sum.multiplier, of_sum.shift) + 5;
          return std::max<int64_t>(-120, std::min<int64_t>(90, y));
        };
        REQUIRE(sum[i] == expected(scaled_p + scaled_q));
        REQUIRE(difference[i] == expected(scaled_p - scaled_q));
        REQUIRE(product[i] == mul.Expected(int64_t{p - zero_a} * (q - zero_b), 0));
        REQUIRE(larger[i] == std::max(p, q));
      }
    }
  }
}
