#include "kernel_testing.h"
#include "tflm_train/kernels/mean.h"
#include "tflm_train/kernels/reduce_max.h"

using namespace tflm_train;
using namespace tflm_train::testing;

TEST_CASE("mean: small numbers by hand") {
  const MeanShape s = {2, 2, 3};
  const std::vector<float> x = {1, 2, 3, 5, 6, 7, /**/ 0, 0, 1, 0, 2, 0};
  std::vector<float> y(6), dx(12, 1.0f);
  MeanForward(s, x.data(), y.data());
  CHECK(y == std::vector<float>{3, 4, 5, 0, 1, 0.5f});
  const std::vector<float> dy = {2, 4, 6, 8, 10, 12};
  MeanBackward(s, dy.data(), true, dx.data());
  CHECK(dx == std::vector<float>{2, 3, 4, 2, 3, 4, /**/ 5, 6, 7, 5, 6, 7});
  MeanBackward(s, dy.data(), false, dx.data());
  CHECK(dx == std::vector<float>{1, 2, 3, 1, 2, 3, /**/ 4, 5, 6, 4, 5, 6});
}

TEST_CASE("mean: gradients by finite differences") {
  Random random(45);
  double worst = 0;
  for (const MeanShape& s : {MeanShape{1, 49, 3}, MeanShape{3, 7, 1}, MeanShape{1, 1, 1}, MeanShape{2, 3, 5}}) {
    std::vector<double> x = random.Vector<double>(size_t{s.outer} * s.reduced * s.inner), y(size_t{s.outer} * s.inner);
    const std::vector<double> r = random.Vector<double>(y.size());
    std::vector<double> dx(x.size());
    MeanBackward(s, r.data(), false, dx.data());
    worst = std::fmax(worst, Measure(dx, FiniteDifferences(x, [&] {
                                       MeanForward(s, x.data(), y.data());
                                       return Dot(y, r);
                                     })));
  }
  MESSAGE("largest difference: dx " << worst);
  CHECK(worst <= kTolerance);
}

TEST_CASE("reduce max: equal maxima share the error") {
  const MeanShape s = {2, 2, 3};
  const std::vector<float> x = {1, 2, 3, 5, 2, -7, /**/ 0, 0, 1, 0, 2, 0};
  std::vector<float> y(6), dx(12, 1.0f);
  ReduceMaxForward(s, x.data(), y.data());
  CHECK(y == std::vector<float>{5, 2, 3, 0, 2, 1});
  const std::vector<float> dy = {2, 4, 6, 8, 10, 12};
  ReduceMaxBackward(s, x.data(), y.data(), dy.data(), true, dx.data());
  CHECK(dx == std::vector<float>{1, 3, 7, 3, 3, 1, /**/ 5, 1, 13, 5, 11, 1});
  ReduceMaxBackward(s, x.data(), y.data(), dy.data(), false, dx.data());
  CHECK(dx == std::vector<float>{0, 2, 6, 2, 2, 0, /**/ 4, 0, 12, 4, 10, 0});
}

TEST_CASE("reduce max: gradients by finite differences") {
  Random random(46);
  for (const MeanShape& s : {MeanShape{1, 49, 3}, MeanShape{3, 7, 1}, MeanShape{1, 1, 1}, MeanShape{2, 3, 5}}) {
    std::vector<double> x = random.Vector<double>(size_t{s.outer} * s.reduced * s.inner), y(size_t{s.outer} * s.inner);
    for (size_t i = 0; i < x.size(); ++i) x[i] += 1e-2 * static_cast<double>(i);  // no ties within the step
    const std::vector<double> r = random.Vector<double>(y.size());
    const auto loss = [&] {
      ReduceMaxForward(s, x.data(), y.data());
      return Dot(y, r);
    };
    loss();
    std::vector<double> dx(x.size());
    ReduceMaxBackward(s, x.data(), y.data(), r.data(), false, dx.data());
    CHECK(Measure(dx, FiniteDifferences(x, loss)) <= kTolerance);
  }
}
