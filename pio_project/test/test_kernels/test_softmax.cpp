#include "kernel_testing.h"
#include "tflm_train/kernels/softmax.h"

using namespace tflm_train;
using namespace tflm_train::testing;

TEST_CASE("softmax: small numbers by hand") {
  const std::vector<float> x = {0, 0, /**/ 1000, 0, /**/ -1, -1};
  std::vector<float> y(6);
  SoftmaxForward(3, 2, 1.0f, x.data(), y.data());
  CHECK(y == std::vector<float>{0.5f, 0.5f, 1, 0, 0.5f, 0.5f});
  const std::vector<float> dy = {1, 0, /**/ 1, 0, /**/ 0, 2};
  std::vector<float> dx(6, 1.0f);
  SoftmaxBackward(3, 2, 1.0f, y.data(), dy.data(), true, dx.data());
  CHECK(dx == std::vector<float>{1.25f, 0.75f, 1, 1, 0.5f, 1.5f});
}

TEST_CASE("softmax: gradients by finite differences, in place too") {
  Random random(71);
  double worst = 0;
  for (double beta : {1.0, 0.5, 2.0}) {
    std::vector<double> x = random.Vector<double>(15, 2), y(15);
    const std::vector<double> r = random.Vector<double>(15);
    const auto loss = [&] {
      SoftmaxForward(3, 5, beta, x.data(), y.data());
      return Dot(y, r);
    };
    loss();
    std::vector<double> dx(15), shared = r;
    SoftmaxBackward(3, 5, beta, y.data(), r.data(), false, dx.data());
    SoftmaxBackward(3, 5, beta, y.data(), shared.data(), false, shared.data());
    CHECK(SameBits(dx, shared));
    worst = std::fmax(worst, Measure(dx, FiniteDifferences(x, loss)));
  }
  MESSAGE("largest difference: dx " << worst);
  CHECK(worst <= kTolerance);
}

TEST_CASE("log softmax: the logarithm of softmax, gradients by finite differences, in place too") {
  Random random(73);
  std::vector<double> x = random.Vector<double>(15, 2), y(15), p(15);
  const std::vector<double> r = random.Vector<double>(15);
  const auto loss = [&] {
    LogSoftmaxForward(3, 5, x.data(), y.data());
    return Dot(y, r);
  };
  loss();
  SoftmaxForward(3, 5, 1.0, x.data(), p.data());
  for (size_t i = 0; i < y.size(); ++i) CHECK(std::exp(y[i]) == doctest::Approx(p[i]).epsilon(1e-12));
  std::vector<double> dx(15), shared = r;
  LogSoftmaxBackward(3, 5, y.data(), r.data(), false, dx.data());
  LogSoftmaxBackward(3, 5, y.data(), shared.data(), false, shared.data());
  CHECK(SameBits(dx, shared));
  CHECK(Measure(dx, FiniteDifferences(x, loss)) <= kTolerance);
}
