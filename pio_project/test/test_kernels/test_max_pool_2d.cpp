#include "conv_testing.h"
#include "tflm_train/kernels/max_pool_2d.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

/// A pool over an image of two channels.
PoolShape Pool(Pair in, Pair filter, Pair stride, bool same) {
  ConvShape image = {};
  image.out_h = in.h;
  image.out_w = in.w;
  image.out_c = 2;
  return MakePool(image, filter, stride, same);
}

}  // namespace

TEST_CASE("max pool 2d: small numbers by hand") {
  // SAME: the second window has a column outside the image, and negative numbers win against it
  const PoolShape s = Pool({2, 3}, {2, 2}, {2, 2}, true);
  const std::vector<float> x = {1, -1, 4, -2, -7, -9, /**/ 4, -1, 3, -1, -8, -9};
  std::vector<float> y(4), dx(12);
  std::vector<uint8_t> argmax(4);
  MaxPool2dForward(s, x.data(), Bounds<float>(Activation::kNone), y.data(), argmax.data());
  CHECK(y == std::vector<float>{4, -1, -7, -9});
  CHECK(argmax == std::vector<uint8_t>{1, 0, 0, 0});  // the first of equals in row-major order
  MaxPool2dForward<float>(s, x.data(), Bounds<float>(Activation::kRelu), y.data(), nullptr);
  CHECK(y == std::vector<float>{4, 0, 0, 0});
  argmax.assign(4, 9);
  MaxPool2dForward<float>(s, x.data(), Bounds<float>(Activation::kNone), nullptr, argmax.data());
  CHECK(argmax == std::vector<uint8_t>{1, 0, 0, 0});
  const std::vector<float> dy = {1, 2, 3, 4};
  MaxPool2dBackward(s, argmax.data(), dy.data(), dx.data());
  CHECK(dx == std::vector<float>{0, 2, 1, 0, 3, 4, /**/ 0, 0, 0, 0, 0, 0});
}

TEST_CASE("max pool 2d: gradients by finite differences") {
  Random random(41);
  double worst = 0;
  for (bool same : {false, true}) {
    for (Pair stride : {Pair{1, 1}, Pair{2, 3}, Pair{3, 1}}) {
      for (Pair filter : {Pair{2, 2}, Pair{3, 2}, Pair{1, 4}}) {
        for (Activation activation : kActivations) {
          const PoolShape s = Pool({5, 7}, filter, stride, same);
          std::vector<double> x;
          bool clear = false;
          while (!clear) {  // all values differ by 1e-3, and keep away from kinks
            x = random.Vector<double>(70, 8);
            clear = AwayFromKinks(x, activation);
            for (size_t i = 0; i < x.size(); ++i) {
              for (size_t j = i % 2; j < i; j += 2) clear = clear && std::fabs(x[i] - x[j]) > 1e-3;
            }
          }
          std::vector<double> y(OutputElements(s)), dx(x.size());
          const std::vector<double> r = random.Vector<double>(y.size());
          const auto loss = [&] {
            MaxPool2dForward<double>(s, x.data(), Bounds<double>(activation), y.data(), nullptr);
            return Dot(y, r);
          };
          std::vector<uint8_t> argmax(y.size());
          MaxPool2dForward(s, x.data(), Bounds<double>(activation), y.data(), argmax.data());
          std::vector<double> dy = r;
          MaskError(activation, y.data(), static_cast<uint32_t>(y.size()), dy.data());
          MaxPool2dBackward(s, argmax.data(), dy.data(), dx.data());
          worst = std::fmax(worst, Measure(dx, FiniteDifferences(x, loss)));
        }
      }
    }
  }
  MESSAGE("largest difference: dx " << worst);
  CHECK(worst <= kTolerance);
}
