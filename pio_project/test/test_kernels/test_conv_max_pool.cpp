#include "conv_testing.h"
#include "tflm_train/kernels/bias.h"
#include "tflm_train/kernels/max_pool_2d.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

struct PooledCase {
  ConvShape conv;
  PoolShape pool;
};

template <class Conv>
std::vector<PooledCase> Cases() {
  std::vector<PooledCase> cases;
  for (const ConvShape& conv : ConvShapes<Conv>()) {
    cases.push_back({conv, MakePool(conv, {2, 2}, {2, 2}, true)});
    cases.push_back({conv, MakePool(conv, {3, 2}, {2, 1}, true)});  // windows that overlap
    cases.push_back({conv, MakePool(conv, {1, 2}, {3, 3}, true)});  // positions that no window reads
    if (conv.out_h >= 2 && conv.out_w >= 2) cases.push_back({conv, MakePool(conv, {2, 2}, {2, 2}, false)});
  }
  return cases;
}

/// Largest and second largest of each window differ by more than finite differences move them, or both are clamped.
template <class Conv>
bool WinnersAreClear(const PooledCase& c, const ConvData& data, Activation activation) {
  const std::vector<double> map = ConvByDefinition<Conv>(c.conv, data.x, data.w, data.bias, activation);
  const std::vector<double> raw = ConvByDefinition<Conv>(c.conv, data.x, data.w, data.bias, Activation::kNone);
  for (int32_t i = 0; i < c.pool.out_h; ++i) {
    for (int32_t j = 0; j < c.pool.out_w; ++j) {
      const Patch window = PatchAt(c.pool, i, j);
      for (int32_t o = 0; o < c.conv.out_c; ++o) {
        double first = -1e30, second = -1e30;
        bool first_clamped = false;
        for (int32_t u = window.rows.begin; u < window.rows.end; ++u) {
          for (int32_t v = window.columns.begin; v < window.columns.end; ++v) {
            const int32_t pixel = (window.rows.origin + u) * c.conv.out_w + window.columns.origin + v;
            const size_t at = size_t(pixel * c.conv.out_c + o);
            if (map[at] > first) {
              second = first;
              first = map[at];
              first_clamped = map[at] != raw[at];
            } else if (map[at] > second) {
              second = map[at];
            }
          }
        }
        if (first - second < 2e-3 && !first_clamped) return false;
      }
    }
  }
  return true;
}

/// Forward: bit for bit the convolution, stored, then the pool. Backward: finite differences, and the unfused kernels.
template <class Conv>
void CheckFusion() {
  Random random(21);
  double dx_worst = 0, dw_worst = 0, db_worst = 0, unfused_worst = 0;
  for (const PooledCase& c : Cases<Conv>()) {
    for (Activation activation : kActivations) {
      ConvData data;
      do {
        data = MakeConvData<Conv>(random, c.conv, activation);
      } while (!WinnersAreClear<Conv>(c, data, activation));
      const std::vector<double> r = random.Vector<double>(OutputElements(c.pool));
      const uint32_t n = static_cast<uint32_t>(r.size());
      WorkCounters work;
      std::vector<double> y(n), map(OutputElements(c.conv)), pooled(n);
      std::vector<uint8_t> argmax(n), pooled_argmax(n);
      const auto loss = [&] {
        ConvMaxPoolForward<Conv, double>(c.conv, c.pool, data.x.data(), data.w.data(), data.bias.data(), activation,
                                         y.data(), nullptr, work);
        return Dot(y, r);
      };
      ConvForward<Conv>(c.conv, data.x.data(), data.w.data(), data.bias.data(), activation, map.data(), work);
      MaxPool2dForward(c.pool, map.data(), Bounds<double>(Activation::kNone), pooled.data(), pooled_argmax.data());
      ConvMaxPoolForward<Conv>(c.conv, c.pool, data.x.data(), data.w.data(), data.bias.data(), activation, y.data(),
                               argmax.data(), work);
      CHECK(SameBits(y, pooled));
      CHECK(argmax == pooled_argmax);
      loss();
      CHECK(SameBits(y, pooled));  // without arg-max too

      std::vector<double> dy = r, dx(data.x.size()), dw(data.w.size()), db(data.bias.size());
      MaskError(activation, y.data(), n, dy.data());
      const PooledLocator locator(c.pool, argmax.data());
      Conv::InputError(c.conv, data.w.data(), dy.data(), n, All(), locator, dx.data(), work);
      Sums<double> sums = TwoRows<double, Conv>(c.conv);
      Conv::WeightGradient(c.conv, data.x.data(), dy.data(), n, All(), locator, 1.0, sums, dw.data(), work);
      BiasGradient(All(), dy.data(), n, locator, 1.0, db.data());
      dx_worst = std::fmax(dx_worst, Measure(dx, FiniteDifferences(data.x, loss)));
      dw_worst = std::fmax(dw_worst, Measure(dw, FiniteDifferences(data.w, loss)));
      db_worst = std::fmax(db_worst, Measure(db, FiniteDifferences(data.bias, loss)));

      std::vector<double> dmap(map.size()), dx2(dx.size()), dw2(dw.size());
      MaxPool2dBackward(c.pool, argmax.data(), r.data(), dmap.data());
      const uint32_t map_elements = static_cast<uint32_t>(map.size());
      MaskError(activation, map.data(), map_elements, dmap.data());
      const DirectLocator direct(c.conv.out_w, c.conv.out_c);
      Conv::InputError(c.conv, data.w.data(), dmap.data(), map_elements, NonZero(), direct, dx2.data(), work);
      Conv::WeightGradient(c.conv, data.x.data(), dmap.data(), map_elements, NonZero(), direct, 1.0, sums, dw2.data(),
                           work);
      unfused_worst = std::fmax(unfused_worst, std::fmax(Measure(dx, dx2), Measure(dw, dw2)));
    }
  }
  MESSAGE("largest differences: dx " << dx_worst << ", dw " << dw_worst << ", db " << db_worst << ", unfused "
                                     << unfused_worst);
  CHECK(dx_worst <= kTolerance);
  CHECK(dw_worst <= kTolerance);
  CHECK(db_worst <= kTolerance);
  CHECK(unfused_worst <= 1e-12);
}

template <class Conv>
void CheckPooledSelections() {
  Random random(23);
  for (const PooledCase& c : Cases<Conv>()) {
    const std::vector<float> x = random.Vector<float>(InputElements(c.conv));
    const std::vector<float> w = random.Vector<float>(WeightElements<Conv>(c.conv));
    const size_t n = OutputElements(c.pool);
    std::vector<float> y(n);
    std::vector<uint8_t> argmax(n);
    WorkCounters work;
    ConvMaxPoolForward<Conv, float>(c.conv, c.pool, x.data(), w.data(), nullptr, Activation::kRelu, y.data(),
                                    argmax.data(), work);
    const PooledLocator locator(c.pool, argmax.data());
    const std::vector<float> dx0 = random.Vector<float>(x.size()), dw0 = random.Vector<float>(w.size());
    CheckSelections(random, random.Vector<float>(n), [&](const Selection& selection, const std::vector<float>& dy) {
      std::vector<float> dx = dx0, dw = dw0;
      const uint32_t elements = static_cast<uint32_t>(n);
      Conv::InputError(c.conv, w.data(), dy.data(), elements, selection, locator, dx.data(), work);
      Sums<float> sums = TwoRows<float, Conv>(c.conv);
      Conv::WeightGradient(c.conv, x.data(), dy.data(), elements, selection, locator, -0.25f, sums, dw.data(), work);
      dx.insert(dx.end(), dw.begin(), dw.end());
      return dx;
    });
  }
}

}  // namespace

TEST_CASE("conv 2d max pool: fused equals convolution then pool; gradients by finite differences") {
  CheckFusion<Conv2d>();
}
TEST_CASE("depthwise max pool: fused equals convolution then pool; gradients by finite differences") {
  CheckFusion<DepthwiseConv2d>();
}
TEST_CASE("conv 2d max pool: a selection in any form does the same to the bit") { CheckPooledSelections<Conv2d>(); }
TEST_CASE("depthwise max pool: a selection in any form does the same to the bit") {
  CheckPooledSelections<DepthwiseConv2d>();
}

TEST_CASE("conv 2d max pool: the first of equal maxima wins") {
  // one 1x1 filter passes the image through; ReLU makes ties of the negative window
  const ConvShape conv = MakeConv({2, 4}, 1, 1, {1, 1}, {1, 1}, {1, 1}, false);
  const PoolShape pool = MakePool(conv, {2, 2}, {2, 2}, false);
  const std::vector<float> x = {1, 5, -1, -2, 5, 5, -3, -4}, w = {1};
  std::vector<float> y(2);
  std::vector<uint8_t> argmax(2, 77);
  WorkCounters work;
  ConvMaxPoolForward<Conv2d, float>(conv, pool, x.data(), w.data(), nullptr, Activation::kRelu, y.data(), argmax.data(),
                                    work);
  CHECK(y == std::vector<float>{5, 0});
  CHECK(argmax == std::vector<uint8_t>{1, 0});
  CHECK(work.forward == 8);
}

TEST_CASE("conv 2d max pool: winners outside the map do nothing") {
  const ConvShape conv = MakeConv({3, 3}, 1, 2, {3, 3}, {1, 1}, {1, 1}, true);
  const PoolShape pool = MakePool(conv, {2, 2}, {2, 2}, true);
  const size_t n = OutputElements(pool);
  const std::vector<uint8_t> damaged(n, 255);
  const std::vector<float> x(9, 1.0f), w(18, 1.0f), dy(n, 1.0f);
  std::vector<float> dx(9), dw(18), db(2);
  WorkCounters work;
  const PooledLocator locator(pool, damaged.data());
  const uint32_t elements = static_cast<uint32_t>(n);
  Conv2d::InputError(conv, w.data(), dy.data(), elements, All(), locator, dx.data(), work);
  Sums<float> sums = TwoRows<float, Conv2d>(conv);
  Conv2d::WeightGradient(conv, x.data(), dy.data(), elements, All(), locator, 1.0f, sums, dw.data(), work);
  BiasGradient(All(), dy.data(), elements, locator, 1.0f, db.data());
  CHECK(dx == std::vector<float>(9));
  CHECK(dw == std::vector<float>(18));
  CHECK(db == std::vector<float>(2));
  std::vector<float> map_error(18);
  MaxPool2dBackward(pool, damaged.data(), dy.data(), map_error.data());
  CHECK(map_error == std::vector<float>(18));
}

TEST_CASE("conv 2d max pool: counted work is that of the positions that windows read") {
  Random random(2);
  for (const PooledCase& c : Cases<Conv2d>()) {
    std::vector<uint64_t> per_position(size_t(c.conv.out_h * c.conv.out_w), 0);
    ForEachProduct<Conv2d>(c.conv, [&](size_t y, size_t, size_t) { ++per_position[y / size_t(c.conv.out_c)]; });
    uint64_t products = 0;
    for (int32_t i = 0; i < c.pool.out_h; ++i) {
      for (int32_t j = 0; j < c.pool.out_w; ++j) {
        for (int32_t u = 0; u < c.pool.filter_h; ++u) {
          for (int32_t v = 0; v < c.pool.filter_w; ++v) {
            const int32_t row = i * c.pool.stride_h - c.pool.pad_top + u;
            const int32_t column = j * c.pool.stride_w - c.pool.pad_left + v;
            if (row < 0 || row >= c.pool.in_h || column < 0 || column >= c.pool.in_w) continue;
            products += per_position[size_t(row * c.conv.out_w + column)];
          }
        }
      }
    }
    const std::vector<float> x = random.Vector<float>(InputElements(c.conv));
    const std::vector<float> w = random.Vector<float>(WeightElements<Conv2d>(c.conv));
    std::vector<float> y(OutputElements(c.pool));
    WorkCounters work;
    ConvMaxPoolForward<Conv2d, float>(c.conv, c.pool, x.data(), w.data(), nullptr, Activation::kNone, y.data(), nullptr,
                                      work);
    CHECK(work.forward == products);
  }
}
