#include "conv_testing.h"
#include "tflm_train/kernels/bias.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

const auto kBias = [](const std::vector<double>& dy, DirectLocator locator, std::vector<double>& db) {
  BiasGradient(All(), dy.data(), static_cast<uint32_t>(dy.size()), locator, 1.0, db.data());
};

}  // namespace

TEST_CASE("depthwise conv 2d: small numbers by hand") {
  // 1x3 image of two channels, filter 1x2, multiplier 2, VALID: two positions of four channels
  const ConvShape s = MakeConv({1, 3}, 2, 4, {1, 2}, {1, 1}, {1, 1}, false);
  const std::vector<float> x = {1, 10, 2, 20, 3, 30}, w = {1, 2, 3, 4, /**/ 5, 6, 7, 8}, bias = {0, 0, 0, 1};
  std::vector<float> y(8);
  WorkCounters work;
  ConvForward<DepthwiseConv2d>(s, x.data(), w.data(), bias.data(), Activation::kNone, y.data(), work);
  CHECK(y == std::vector<float>{11, 14, 170, 201, /**/ 17, 22, 270, 321});

  const std::vector<float> dy = {1, 0, 0, 2, /**/ 0, -1, 0, 0};
  std::vector<float> dx(6), dw(8);
  const DirectLocator locator(s.out_w, s.out_c);
  DepthwiseConv2d::InputError(s, w.data(), dy.data(), 8, All(), locator, dx.data(), work);
  CHECK(dx == std::vector<float>{1, 8, 5 - 2, 16, -6, 0});
  DepthwiseConv2d::WeightGradient(s, x.data(), dy.data(), 8, All(), locator, 1.0f, Sums<float>(7), dw.data(), work);
  CHECK(dw == std::vector<float>{1, -2, 0, 20, /**/ 2, -3, 0, 40});
}

TEST_CASE("depthwise conv 2d: more channels than a block, multipliers across its border") {
  Random random(9);
  for (int32_t multiplier : {1, 3, 5}) {
    const ConvShape s = MakeConv({4, 3}, 7, 7 * multiplier, {3, 2}, {1, 1}, {1, 1}, true);
    const std::vector<float> x = random.Vector<float>(InputElements(s));
    const std::vector<float> w = random.Vector<float>(WeightElements<DepthwiseConv2d>(s));
    const std::vector<float> bias = random.Vector<float>(size_t(s.out_c));
    std::vector<float> y(OutputElements(s));
    WorkCounters work;
    ConvForward<DepthwiseConv2d>(s, x.data(), w.data(), bias.data(), Activation::kRelu6, y.data(), work);
    CHECK(Measure(y, ConvByDefinition<DepthwiseConv2d>(s, x, w, bias, Activation::kRelu6)) <= 1e-6);
  }
}

TEST_CASE("depthwise conv 2d: forward by definition, gradients by finite differences") {
  CheckConvGradients<DepthwiseConv2d>(kBias);
}
TEST_CASE("depthwise conv 2d: a selection in any form does the same to the bit") {
  CheckConvSelections<DepthwiseConv2d>();
}
TEST_CASE("depthwise conv 2d: counted work") { CheckConvWork<DepthwiseConv2d>(); }
