#include "conv_testing.h"
#include "tflm_train/kernels/arithmetic.h"
#include "tflm_train/kernels/binary.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

struct BroadcastCase {
  Dims y, a, b;
};

const BroadcastCase kCases[] = {
    {{1, {6}}, {1, {6}}, {1, {6}}},
    {{4, {1, 2, 3, 4}}, {4, {1, 2, 3, 4}}, {1, {4}}},
    {{4, {1, 2, 3, 4}}, {1, {1}}, {4, {1, 2, 3, 4}}},
    {{4, {1, 2, 3, 4}}, {4, {1, 1, 1, 4}}, {4, {1, 2, 3, 1}}},
    {{3, {2, 3, 2}}, {3, {2, 1, 2}}, {2, {3, 1}}},
    {{5, {2, 3, 1, 2, 2}}, {5, {2, 1, 1, 2, 1}}, {4, {3, 1, 1, 2}}},
    {{5, {2, 2, 2, 2, 2}}, {5, {1, 2, 1, 2, 1}}, {5, {2, 1, 2, 1, 2}}},
    {{2, {1, 1}}, {2, {1, 1}}, {1, {1}}},
};

uint32_t ElementsOf(const Dims& dims) {
  uint32_t n = 1;
  for (int32_t i = 0; i < dims.rank; ++i) n *= static_cast<uint32_t>(dims.size[i]);
  return n;
}

/// Offset in the operand of element `index` of the result: coordinates by division, apart from the kernels' walk.
uint32_t OperandIndex(const Dims& y, const Dims& operand, uint32_t index) {
  uint32_t offset = 0, step = 1;
  for (int32_t i = y.rank - 1; i >= 0; --i) {
    const uint32_t coordinate = index % static_cast<uint32_t>(y.size[i]);
    index /= static_cast<uint32_t>(y.size[i]);
    const int32_t own = i - (y.rank - operand.rank);
    if (own < 0) continue;
    if (operand.size[own] > 1) offset += coordinate * step;
    step *= static_cast<uint32_t>(operand.size[own]);
  }
  return offset;
}

double Apply(int kind, double a, double b) { return kind == 0 ? a + b : (kind == 1 ? a - b : a * b); }

template <class T>
void Forward(int kind, const BroadcastCase& c, const std::vector<T>& a, const std::vector<T>& b, Activation activation,
             std::vector<T>& y) {
  const StridedWalk walk = BroadcastWalk(c.y, c.a, c.b);
  WorkCounters work;
  if (kind == 0) AddForward(walk, a.data(), b.data(), activation, y.data());
  if (kind == 1) SubForward(walk, a.data(), b.data(), activation, y.data());
  if (kind == 2) MulForward(walk, a.data(), b.data(), activation, y.data(), work);
  if (kind == 2) CHECK(work.forward == y.size());
}

/// Error of an operand with numpy's reduction, as the operators call it.
std::vector<double> OperandError(int kind, bool is_a, const BroadcastCase& c, const std::vector<double>& other,
                                 const std::vector<double>& dy) {
  const Dims& own_dims = is_a ? c.a : c.b;
  std::vector<double> d(ElementsOf(own_dims));
  const double sign = kind == 1 && !is_a ? -1 : 1;
  if (kind == 2) {
    MulBackward(BroadcastWalk(c.y, own_dims, is_a ? c.b : c.a), other.data(), dy.data(), d.data());
  } else if (d.size() == dy.size()) {
    AddBackward(sign, dy.data(), static_cast<uint32_t>(dy.size()), false, d.data());
  } else {
    AddReduceBackward(BroadcastWalk(c.y, own_dims, own_dims), sign, dy.data(), d.data());
  }
  return d;
}

template <class Function>
double WorstOfBoth(Random& random, const BroadcastCase& c) {
  std::vector<double> a(ElementsOf(c.a)), b(ElementsOf(c.b)), y(ElementsOf(c.y)), da(a.size()), db(b.size());
  for (size_t i = 0; i < a.size(); ++i) a[i] = random.Uniform<double>(2) + 1e-2 * static_cast<double>(i);
  for (double& value : b) value = 1.0 + random.Below(1000) * 1e-3 + 5e-4;  // not near zero, no ties with a
  const std::vector<double> r = random.Vector<double>(y.size());
  const StridedWalk walk = BroadcastWalk(c.y, c.a, c.b);
  const auto loss = [&] {
    BinaryForward(walk, a.data(), b.data(), Activation::kNone, y.data(), Function::template Value<double>);
    return Dot(y, r);
  };
  BinaryBackward<Function, false>(walk, a.data(), b.data(), r.data(), da.data());
  BinaryBackward<Function, true>(walk, a.data(), b.data(), r.data(), db.data());
  return std::fmax(Measure(da, FiniteDifferences(a, loss)), Measure(db, FiniteDifferences(b, loss)));
}

}  // namespace

TEST_CASE("div, squared difference, maximum, minimum: gradients by finite differences") {
  Random random(55);
  double worst = 0;
  for (const BroadcastCase& c : kCases) {
    worst = std::fmax(worst, WorstOfBoth<DivFunction>(random, c));
    worst = std::fmax(worst, WorstOfBoth<SquaredDifferenceFunction>(random, c));
    worst = std::fmax(worst, WorstOfBoth<MaximumFunction>(random, c));
    worst = std::fmax(worst, WorstOfBoth<MinimumFunction>(random, c));
  }
  MESSAGE("largest difference: da and db " << worst);
  CHECK(worst <= kTolerance);
}

TEST_CASE("maximum, minimum: of equal operands the first one counts") {
  const StridedWalk walk = BroadcastWalk({1, {1}}, {1, {1}}, {1, {1}});
  const float two = 2, dy = 3;
  float da = 0, db = 0;
  BinaryBackward<MaximumFunction, false>(walk, &two, &two, &dy, &da);
  BinaryBackward<MaximumFunction, true>(walk, &two, &two, &dy, &db);
  BinaryBackward<MinimumFunction, false>(walk, &two, &two, &dy, &da);
  BinaryBackward<MinimumFunction, true>(walk, &two, &two, &dy, &db);
  CHECK(da == 6.0f);
  CHECK(db == 0.0f);
}

TEST_CASE("add, sub, mul: small numbers by hand") {
  const StridedWalk walk = BroadcastWalk({2, {2, 2}}, {2, {2, 2}}, {1, {2}});
  const std::vector<float> a = {1, 2, 3, 4}, b = {10, 20}, dy = {1, 2, 3, 4};
  std::vector<float> y(4), db(2), da(4);
  AddForward(walk, a.data(), b.data(), Activation::kNone, y.data());
  CHECK(y == std::vector<float>{11, 22, 13, 24});
  SubForward(walk, a.data(), b.data(), Activation::kNone, y.data());
  CHECK(y == std::vector<float>{-9, -18, -7, -16});
  WorkCounters work;
  MulForward(walk, a.data(), b.data(), Activation::kRelu6, y.data(), work);
  CHECK(y == std::vector<float>{6, 6, 6, 6});
  AddReduceBackward(BroadcastWalk({2, {2, 2}}, {1, {2}}, {1, {2}}), -1.0f, dy.data(), db.data());
  CHECK(db == std::vector<float>{-4, -6});
  MulBackward(BroadcastWalk({2, {2, 2}}, {1, {2}}, {2, {2, 2}}), a.data(), dy.data(), db.data());
  CHECK(db == std::vector<float>{1 + 9 - 4, 4 + 16 - 6});
  MulBackward(walk, b.data(), dy.data(), da.data());
  CHECK(da == std::vector<float>{10, 40, 30, 80});
}

TEST_CASE("add, sub, mul: numpy's broadcasting forward, gradients by finite differences") {
  Random random(51);
  double forward = 0, worst = 0;
  for (const BroadcastCase& c : kCases) {
    for (int kind = 0; kind < 3; ++kind) {
      for (Activation activation : kActivations) {
        std::vector<double> a, b, y(ElementsOf(c.y)), expected(y.size());
        do {
          a = random.Vector<double>(ElementsOf(c.a), 3);
          b = random.Vector<double>(ElementsOf(c.b), 3);
          for (uint32_t i = 0; i < y.size(); ++i) {
            expected[i] = Apply(kind, a[OperandIndex(c.y, c.a, i)], b[OperandIndex(c.y, c.b, i)]);
          }
        } while (!AwayFromKinks(expected, activation));
        const std::vector<double> r = random.Vector<double>(y.size());
        Forward(kind, c, a, b, Activation::kNone, y);
        forward = std::fmax(forward, Measure(y, expected));
        const auto loss = [&] {
          Forward(kind, c, a, b, activation, y);
          return Dot(y, r);
        };
        loss();
        std::vector<double> dy = r;
        MaskError(activation, y.data(), static_cast<uint32_t>(y.size()), dy.data());
        const std::vector<double> da = OperandError(kind, true, c, b, dy), db = OperandError(kind, false, c, a, dy);
        worst = std::fmax(worst, Measure(da, FiniteDifferences(a, loss)));
        worst = std::fmax(worst, Measure(db, FiniteDifferences(b, loss)));
      }
    }
  }
  MESSAGE("largest differences: forward " << forward << ", da and db " << worst);
  CHECK(forward == 0);
  CHECK(worst <= kTolerance);
}

TEST_CASE("broadcast: a reduction adds in ascending order") {
  Random random(53);
  for (const BroadcastCase& c : kCases) {
    const std::vector<float> dy = random.Vector<float>(ElementsOf(c.y)), b = random.Vector<float>(ElementsOf(c.b));
    std::vector<float> sums(ElementsOf(c.a)), products(sums.size()), sum(sums.size()), product(sums.size());
    AddReduceBackward(BroadcastWalk(c.y, c.a, c.a), 1.0f, dy.data(), sums.data());
    MulBackward(BroadcastWalk(c.y, c.a, c.b), b.data(), dy.data(), products.data());
    for (uint32_t i = 0; i < dy.size(); ++i) {
      const uint32_t at = OperandIndex(c.y, c.a, i);
      sum[at] += dy[i];
      product[at] += dy[i] * b[OperandIndex(c.y, c.b, i)];
    }
    CHECK(SameBits(sums, sum));
    CHECK(SameBits(products, product));
  }
}

TEST_CASE("add: the error of an operand may share the memory of the output's") {
  std::vector<float> dy = {1, -2, 3};
  AddBackward(1.0f, dy.data(), 3, false, dy.data());
  CHECK(dy == std::vector<float>{1, -2, 3});
  AddBackward(1.0f, dy.data(), 3, true, dy.data());  // a + a
  CHECK(dy == std::vector<float>{2, -4, 6});
  AddBackward(-1.0f, dy.data(), 3, false, dy.data());
  CHECK(dy == std::vector<float>{-2, 4, -6});
  std::vector<float> da = {10, 10, 10};
  AddBackward(-1.0f, dy.data(), 3, true, da.data());
  CHECK(da == std::vector<float>{12, 6, 16});
}
