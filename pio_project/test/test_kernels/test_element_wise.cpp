// Functions of one element.
#include "conv_testing.h"
#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/element_wise.h"
#include "tflm_train/kernels/gelu.h"
#include "tflm_train/kernels/prelu.h"
#include "tflm_train/kernels/unary.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

/// Forward(x, n, y), Backward(saved, dy, n, accumulate, dx).
template <class Forward, class Backward>
double Check(bool saves_input, const std::vector<double>& kinks, Forward forward, Backward backward) {
  Random random(81);
  std::vector<double> x;
  while (x.size() < 60) {
    const double value = random.Uniform<double>(8);
    bool clear = true;
    for (double kink : kinks) clear = clear && std::fabs(value - kink) >= 1e-3;
    if (clear) x.push_back(value);
  }
  const uint32_t n = static_cast<uint32_t>(x.size());
  const std::vector<double> r = random.Vector<double>(n);
  std::vector<double> y(n), dx(n), added(n, 2.0), shared = r;
  const auto loss = [&] {
    forward(x.data(), n, y.data());
    return Dot(y, r);
  };
  loss();
  const std::vector<double> saved = saves_input ? x : y;
  backward(saved.data(), r.data(), n, false, dx.data());
  backward(saved.data(), r.data(), n, true, added.data());
  backward(saved.data(), shared.data(), n, false, shared.data());  // dx in the memory of dy
  CHECK(SameBits(shared, dx));
  // a target may fuse the product with the sum: one rounding less
  for (uint32_t i = 0; i < n; ++i) CHECK(std::fabs(added[i] - (2.0 + dx[i])) <= 2.3e-16 * (2.0 + std::fabs(dx[i])));
  std::vector<double> in_place = x;
  forward(in_place.data(), n, in_place.data());
  CHECK(SameBits(in_place, y));
  const double difference = Measure(dx, FiniteDifferences(x, loss));
  MESSAGE("largest difference: dx " << difference);
  return difference;
}

using D = double;

}  // namespace

TEST_CASE("logistic: gradients by finite differences") {
  CHECK(Check(false, {}, LogisticForward<D>, LogisticBackward<D>) <= kTolerance);
  const std::vector<float> x = {0, 200, -200};
  std::vector<float> y(3);
  LogisticForward(x.data(), 3, y.data());
  CHECK(y == std::vector<float>{0.5f, 1, 0});
}

TEST_CASE("tanh: gradients by finite differences") {
  CHECK(Check(false, {}, TanhForward<D>, TanhBackward<D>) <= kTolerance);
}

TEST_CASE("exp, elu, neg, abs, square: gradients by finite differences") {
  CHECK(Check(false, {}, UnaryForward<ExpFunction, D>, UnaryBackward<ExpFunction, D>) <= kTolerance);
  CHECK(Check(false, {0}, UnaryForward<EluFunction, D>, UnaryBackward<EluFunction, D>) <= kTolerance);
  CHECK(Check(false, {}, UnaryForward<NegFunction, D>, UnaryBackward<NegFunction, D>) <= kTolerance);
  CHECK(Check(true, {0}, UnaryForward<AbsFunction, D>, UnaryBackward<AbsFunction, D>) <= kTolerance);
  CHECK(Check(true, {}, UnaryForward<SquareFunction, D>, UnaryBackward<SquareFunction, D>) <= kTolerance);
  const std::vector<float> zero = {0}, one = {1};
  std::vector<float> dx(1);
  UnaryBackward<AbsFunction>(zero.data(), one.data(), 1, false, dx.data());
  CHECK(dx[0] == 0.0f);
}

TEST_CASE("gelu: gradients by finite differences") {
  for (bool approximate : {false, true}) {
    const auto forward = [=](const D* x, uint32_t n, D* y) { GeluForward(approximate, x, n, y); };
    const auto backward = [=](const D* x, const D* dy, uint32_t n, bool accumulate, D* dx) {
      GeluBackward(approximate, x, dy, n, accumulate, dx);
    };
    CHECK(Check(true, {}, forward, backward) <= kTolerance);
  }
}

TEST_CASE("gelu: the normal distribution in float") {
  double worst = 0, tail = 0;
  for (float x = -7.0f; x <= 7.0f; x += 0.00037f) {
    const double expected = NormalCdf(static_cast<double>(x));
    const double difference = std::fabs(static_cast<double>(NormalCdf(x)) - expected);
    worst = std::fmax(worst, difference);
    if (x > -5.6f) tail = std::fmax(tail, difference / expected);
  }
  MESSAGE("largest difference: " << worst << ", relative " << tail);
  CHECK(worst <= 1.2e-7);
  CHECK(tail <= 5e-6);
  CHECK(NormalCdf(0.0f) == 0.5f);
  CHECK(NormalCdf(40.0f) == 1.0f);
  CHECK(NormalCdf(-40.0f) == 0.0f);
  CHECK(std::isnan(NormalCdf(std::nanf(""))));
}

TEST_CASE("prelu: gradients by finite differences") {
  Random random(83);
  for (const PreluShape& s : {PreluShape{5, 4}, PreluShape{1, 6}, PreluShape{7, 1}}) {
    std::vector<double> x = random.Vector<double>(s.elements(), 4), w = random.Vector<double>(s.slopes);
    for (double& value : x) value += std::copysign(1e-3, value);
    const std::vector<double> r = random.Vector<double>(x.size());
    std::vector<double> y(x.size()), dx(x.size()), dw(w.size()), added(x.size(), 2.0);
    WorkCounters work;
    const auto loss = [&] {
      PreluForward(s, x.data(), w.data(), y.data(), work);
      return Dot(y, r);
    };
    loss();
    CHECK(work.forward == x.size());
    PreluBackward(s, x.data(), w.data(), r.data(), false, 1.0, dw.data(), dx.data(), work);
    CHECK(work.input_error + work.weight_gradient == 2 * x.size());
    CHECK(Measure(dx, FiniteDifferences(x, loss)) <= kTolerance);
    CHECK(Measure(dw, FiniteDifferences(w, loss)) <= kTolerance);
    PreluBackward<double>(s, x.data(), w.data(), r.data(), true, 1.0, nullptr, added.data(), work);
    for (size_t i = 0; i < x.size(); ++i) CHECK(std::fabs(added[i] - (2.0 + dx[i])) <= 1e-15);
    // dx in the memory of dy, and the slopes themselves change
    std::vector<double> shared = r, slopes = w;
    PreluBackward(s, x.data(), slopes.data(), shared.data(), false, -0.5, slopes.data(), shared.data(), work);
    CHECK(SameBits(shared, dx));
    for (size_t i = 0; i < w.size(); ++i) CHECK(std::fabs(slopes[i] - (w[i] - 0.5 * dw[i])) <= 1e-15);
  }
}

TEST_CASE("square roots: gradients by finite differences") {
  Random random(82);
  for (bool reciprocal : {false, true}) {
    std::vector<double> x = random.Vector<double>(20), y(20), dx(20);
    for (double& value : x) value = 0.1 + value * value;
    const std::vector<double> r = random.Vector<double>(20);
    const auto loss = [&] {
      if (reciprocal) {
        UnaryForward<RsqrtFunction>(x.data(), 20, y.data());
      } else {
        UnaryForward<SqrtFunction>(x.data(), 20, y.data());
      }
      return Dot(y, r);
    };
    loss();
    if (reciprocal) {
      UnaryBackward<RsqrtFunction>(y.data(), r.data(), 20, false, dx.data());
    } else {
      UnaryBackward<SqrtFunction>(y.data(), r.data(), 20, false, dx.data());
    }
    CHECK(Measure(dx, FiniteDifferences(x, loss)) <= 1e-5);  // the step is large beside 0.1
  }
}

TEST_CASE("leaky relu: gradients by finite differences") {
  for (double alpha : {0.0, 0.2, 1.5}) {
    const auto forward = [alpha](const D* x, uint32_t n, D* y) { LeakyReluForward(alpha, x, n, y); };
    const auto backward = [alpha](const D* y, const D* dy, uint32_t n, bool accumulate, D* dx) {
      LeakyReluBackward(alpha, y, dy, n, accumulate, dx);
    };
    CHECK(Check(false, {0}, forward, backward) <= kTolerance);
  }
  const std::vector<float> x = {-2, 0, 3};
  std::vector<float> y(3);
  LeakyReluForward(0.5f, x.data(), 3, y.data());
  CHECK(y == std::vector<float>{-1, 0, 3});
}

TEST_CASE("hard swish: gradients by finite differences") {
  CHECK(Check(true, {-3, 3}, HardSwishForward<D>, HardSwishBackward<D>) <= kTolerance);
  const std::vector<float> x = {-4, -3, -1.5f, 0, 1.5f, 3, 5}, ones(7, 1.0f);
  std::vector<float> y(7), dx(7);
  HardSwishForward(x.data(), 7, y.data());
  CHECK(y == std::vector<float>{0, 0, -0.375f, 0, 1.125f, 3, 5});
  HardSwishBackward(x.data(), ones.data(), 7, false, dx.data());
  CHECK(dx == std::vector<float>{0, 0, 0, 0.5f, 1, 1, 1});
}

TEST_CASE("relu, relu6, relu_n1_to_1: gradients by finite differences; flat at the bounds") {
  for (Activation activation : {Activation::kRelu, Activation::kRelu6, Activation::kReluN1To1}) {
    const auto forward = [activation](const D* x, uint32_t n, D* y) { ClampForward(activation, x, n, y); };
    const auto backward = [activation](const D* y, const D* dy, uint32_t n, bool accumulate, D* dx) {
      ClampBackward(activation, y, dy, n, accumulate, dx);
    };
    CHECK(Check(false, {-1, 0, 1, 6}, forward, backward) <= kTolerance);
  }
  const std::vector<float> y = {-1, -0.5f, 0, 0.5f, 1, 5.5f, 6}, ones(7, 1.0f);
  std::vector<float> dx(7);
  ClampBackward(Activation::kRelu, y.data(), ones.data(), 7, false, dx.data());
  CHECK(dx == std::vector<float>{0, 0, 0, 1, 1, 1, 1});
  ClampBackward(Activation::kRelu6, y.data(), ones.data(), 7, false, dx.data());
  CHECK(dx == std::vector<float>{0, 0, 0, 1, 1, 1, 0});
  ClampBackward(Activation::kReluN1To1, y.data(), ones.data(), 7, false, dx.data());
  CHECK(dx == std::vector<float>{0, 1, 1, 1, 0, 0, 0});
}

TEST_CASE("mask error: in place, by the output") {
  const std::vector<float> y = {0, 1, 6, 3};
  std::vector<float> dy = {1, 2, 3, 4};
  MaskError(Activation::kNone, y.data(), 4, dy.data());
  CHECK(dy == std::vector<float>{1, 2, 3, 4});
  MaskError(Activation::kRelu6, y.data(), 4, dy.data());
  CHECK(dy == std::vector<float>{0, 2, 0, 4});
  MaskError(Activation::kReluN1To1, y.data(), 4, dy.data());
  CHECK(dy == std::vector<float>{0, 0, 0, 0});
}

TEST_CASE("activations: NaN is not hidden") {
  const float nan = std::nanf("");
  float y = 0;
  for (Activation activation : kActivations) {
    ClampForward(activation, &nan, 1, &y);
    CHECK(std::isnan(y));
  }
}
