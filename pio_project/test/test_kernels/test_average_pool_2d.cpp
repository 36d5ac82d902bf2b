#include "conv_testing.h"
#include "tflm_train/kernels/average_pool_2d.h"

using namespace tflm_train;
using namespace tflm_train::testing;

TEST_CASE("average pool 2d: only taps inside the image count") {
  ConvShape image = {};
  image.out_h = 2;
  image.out_w = 3;
  image.out_c = 1;
  const PoolShape s = MakePool(image, {2, 2}, {2, 2}, true);
  const std::vector<float> x = {1, 2, 3, 5, 8, 13}, dy = {4, 6};
  std::vector<float> y(2), dx(6, 1.0f);
  AveragePool2dForward(s, x.data(), Activation::kRelu6, y.data());
  CHECK(y == std::vector<float>{4, 6});  // (1 + 2 + 5 + 8) / 4; (3 + 13) / 2 = 8, clamped
  AveragePool2dBackward(s, dy.data(), dx.data());
  CHECK(dx == std::vector<float>{2, 2, 4, 2, 2, 4});
}

TEST_CASE("average pool 2d: gradients by finite differences") {
  Random random(43);
  double worst = 0;
  ConvShape image = {};
  image.out_h = 5;
  image.out_w = 7;
  image.out_c = 3;
  for (bool same : {false, true}) {
    for (Pair stride : {Pair{1, 1}, Pair{2, 3}, Pair{3, 1}}) {
      for (Pair filter : {Pair{2, 2}, Pair{3, 2}, Pair{5, 7}}) {
        for (Activation activation : kActivations) {
          const PoolShape s = MakePool(image, filter, stride, same);
          std::vector<double> x, y(OutputElements(s));
          do {
            x = random.Vector<double>(105, 9);
            AveragePool2dForward(s, x.data(), Activation::kNone, y.data());
          } while (!AwayFromKinks(y, activation));
          const std::vector<double> r = random.Vector<double>(y.size());
          const auto loss = [&] {
            AveragePool2dForward(s, x.data(), activation, y.data());
            return Dot(y, r);
          };
          loss();
          std::vector<double> dy = r, dx(x.size());
          MaskError(activation, y.data(), static_cast<uint32_t>(y.size()), dy.data());
          AveragePool2dBackward(s, dy.data(), dx.data());
          worst = std::fmax(worst, Measure(dx, FiniteDifferences(x, loss)));
        }
      }
    }
  }
  MESSAGE("largest difference: dx " << worst);
  CHECK(worst <= kTolerance);
}
