#include "conv_testing.h"
#include "tflm_train/kernels/bias.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

const auto kBias = [](const std::vector<double>& dy, DirectLocator locator, std::vector<double>& db) {
  BiasGradient(All(), dy.data(), static_cast<uint32_t>(dy.size()), locator, 1.0, db.data());
};

}  // namespace

TEST_CASE("conv 2d: small numbers by hand") {
  // 2x3 image, one channel, two 2x2 filters, VALID: two positions
  const ConvShape s = MakeConv({2, 3}, 1, 2, {2, 2}, {1, 1}, {1, 1}, false);
  const std::vector<float> x = {1, 2, 3, 4, 5, 6}, w = {1, 0, 0, 1, /**/ -1, 2, 0, 1}, bias = {10, -20};
  std::vector<float> y(4);
  WorkCounters work;
  ConvForward<Conv2d>(s, x.data(), w.data(), bias.data(), Activation::kRelu, y.data(), work);
  CHECK(y == std::vector<float>{16, 0, 18, 0});  // 1 + 5 + 10, -1 + 4 + 5 - 20, 2 + 6 + 10, -2 + 6 + 6 - 20

  const std::vector<float> dy = {1, 2, 0, -3};
  std::vector<float> dx(6), dw(8);
  const DirectLocator locator(s.out_w, s.out_c);
  Conv2d::InputError(s, w.data(), dy.data(), 4, All(), locator, dx.data(), work);
  // position 0: 1 * w0 + 2 * w1 = (-1, 4, 0, 3); position 1: -3 * w1 = (3, -6, 0, -3)
  CHECK(dx == std::vector<float>{-1, 4 + 3, -6, 0, 3 + 0, -3});
  Conv2d::WeightGradient(s, x.data(), dy.data(), 4, All(), locator, 0.5f, Sums<float>(4), dw.data(), work);
  CHECK(dw == std::vector<float>{0.5f, 1, 2, 2.5f, /**/ 1 - 3, 2 - 4.5f, 4 - 7.5f, 5 - 9});
  std::vector<float> db(2);
  BiasGradient(All(), dy.data(), 4u, locator, 0.5f, db.data());
  CHECK(db == std::vector<float>{0.5f, -0.5f});
}

TEST_CASE("conv 2d: a missing bias is zero") {
  const ConvShape s = MakeConv({1, 1}, 2, 1, {1, 1}, {1, 1}, {1, 1}, false);
  const std::vector<float> x = {2, 3}, w = {5, 7};
  float y = 0;
  WorkCounters work;
  ConvForward<Conv2d, float>(s, x.data(), w.data(), nullptr, Activation::kNone, &y, work);
  CHECK(y == 31);
}

TEST_CASE("conv 2d: forward by definition, gradients by finite differences") { CheckConvGradients<Conv2d>(kBias); }
TEST_CASE("conv 2d: a selection in any form does the same to the bit") { CheckConvSelections<Conv2d>(); }
TEST_CASE("conv 2d: counted work") { CheckConvWork<Conv2d>(); }

TEST_CASE("grouped conv 2d: forward by definition, gradients by finite differences, selections, work") {
  CheckConvGradients<GroupedConv2d>(kBias);
  CheckConvSelections<GroupedConv2d>();
  CheckConvWork<GroupedConv2d>();
}

TEST_CASE("transpose conv: forward by definition, gradients by finite differences, selections, work") {
  CheckConvGradients<TransposeConv>(kBias);
  CheckConvSelections<TransposeConv>();
  CheckConvWork<TransposeConv>();
}

TEST_CASE("conv 2d: bias takes the selected elements only") {
  Random random(5);
  const DirectLocator locator(3, 4);
  const std::vector<float> db0 = random.Vector<float>(4);
  CheckSelections(random, random.Vector<float>(24), [&](const Selection& selection, const std::vector<float>& dy) {
    std::vector<float> db = db0;
    BiasGradient(selection, dy.data(), 24u, locator, -0.5f, db.data());
    return db;
  });
}
