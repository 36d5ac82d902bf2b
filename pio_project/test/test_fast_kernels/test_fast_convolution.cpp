// Fast convolutions held to their plain twins: results within 1e-6 of the largest value, the same winners, the same
// work.
#include "../test_kernels/conv_testing.h"
#include "tflm_train/kernels/fast/conv_2d.h"

namespace tflm_train {
namespace testing {
namespace {

constexpr double kFastTolerance = 1e-6;

/// Beyond the shapes of the plain kernels: what is tiled, framed or tabulated, and just not.
std::vector<ConvShape> FastShapes() {
  std::vector<ConvShape> shapes = ConvShapes<Conv2d>();
  for (bool same : {false, true}) {
    for (int32_t in_c : {1, 2, 4, 8, 12}) {
      for (int32_t out_c : {1, 3, 4, 16, 19}) {
        shapes.push_back(MakeConv({6, 7}, in_c, out_c, {3, 3}, {1, 1}, {1, 1}, same));
      }
    }
    shapes.push_back(MakeConv({9, 8}, 4, 18, {3, 3}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({4, 21}, 8, 5, {3, 3}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({9, 7}, 16, 3, {3, 3}, {2, 2}, {1, 1}, same));
    shapes.push_back(MakeConv({9, 7}, 16, 3, {3, 3}, {1, 1}, {2, 1}, same));
    shapes.push_back(MakeConv({3, 3}, 1, 5, {3, 3}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({9, 9}, 3, 8, {3, 3}, {2, 2}, {1, 1}, same));
    shapes.push_back(MakeConv({8, 8}, 3, 5, {1, 1}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({9, 9}, 5, 6, {5, 5}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({9, 9}, 4, 3, {3, 3}, {1, 1}, {2, 1}, same));
    shapes.push_back(MakeConv({9, 9}, 4, 3, {3, 3}, {1, 1}, {1, 2}, same));
  }
  shapes.push_back(MakeConv({1, 1}, 4, 3, {3, 3}, {1, 1}, {1, 1}, true));
  shapes.push_back(MakeConv({2, 5}, 1, 3, {3, 3}, {1, 1}, {1, 1}, true));
  // of whose filters clipping leaves what looks like whole ones of 3x3
  shapes.push_back(MakeConv({9, 20}, 4, 6, {5, 3}, {1, 1}, {1, 1}, true));
  shapes.push_back(MakeConv({9, 60}, 1, 6, {5, 3}, {1, 1}, {1, 1}, true));
  return shapes;
}

struct PoolWindow {
  Pair filter, stride;
  bool same;
};

constexpr PoolWindow kPools[] = {{{2, 2}, {2, 2}, false},
                                 {{2, 2}, {2, 2}, true},
                                 {{3, 3}, {2, 2}, true},
                                 {{2, 3}, {1, 2}, false},
                                 {{5, 5}, {3, 3}, true}};

bool PoolFits(const ConvShape& s, const PoolWindow& pool) {
  return s.out_h >= pool.filter.h && s.out_w >= pool.filter.w;
}

/// Filters whose outputs are of the size of the activations' bounds: differences are measured against outputs, and
/// those of much larger sums would be cut off.
std::vector<float> RandomFilters(Random& random, const ConvShape& s) {
  return random.Vector<float>(WeightElements<Conv2d>(s),
                              2.0f / std::sqrt(static_cast<float>(Conv2d::WeightsPerChannel(s))));
}

struct Worst {
  double forward = 0, dx = 0, dw = 0;
  int strips = 0;
  void Update(double* worst, double now) {
    if (!(now <= *worst)) *worst = now;
  }
};

/// Backward over one error map, every kind of selection.
template <class Locator>
void CheckBackward(Random& random, const ConvShape& s, const PoolShape& pool, const uint8_t* argmax,
                   const Locator& locator, const std::vector<float>& x, const std::vector<float>& w, Worst* worst) {
  const uint32_t n = static_cast<uint32_t>(OutputElements(pool));
  std::vector<float> dy = random.Vector<float>(n);
  for (float& value : dy) {
    if (random.Below(3) == 0) value = random.Below(2) == 0 ? 0.0f : -0.0f;
  }
  const std::vector<float> dx0 = random.Vector<float>(x.size()), dw0 = random.Vector<float>(w.size());
  std::vector<float> some = dy, few = dy;
  for (float& value : some) value = random.Below(3) == 0 ? value : 0.0f;
  for (float& value : few) value = random.Below(9) == 0 ? value : 0.0f;
  const struct {
    Selection selection;
    const std::vector<float>& error;
  } cases[] = {{All(), dy}, {NonZero(), dy}, {NonZero(), some}, {NonZero(), few}};
  for (const auto& [selection, error] : cases) {
    WorkCounters plain, fast_work;
    // one row at a time, or more, with or without the strip
    Random rows(n);
    const uint32_t strip = rows.Below(2) * fast::BackwardStrip(s, pool);
    Sums<float> sums(Conv2d::WeightsPerChannel(s) * (1 + rows.Below(4)) + rows.Below(3) + strip);
    worst->strips += strip != 0;
    std::vector<float> dx = dx0, dw = dw0, fast_dx = dx0, fast_dw = dw0;
    Conv2d::InputError(s, w.data(), error.data(), n, selection, locator, dx.data(), plain);
    Conv2d::WeightGradient(s, x.data(), error.data(), n, selection, locator, -0.125f, sums, dw.data(), plain);
    const fast::ConvErrors errors = {s, pool, argmax, selection, error.data()};
    fast::Conv2DInputError(errors, w.data(), fast_dx.data(), sums, fast_work.input_error);
    fast::Conv2DWeightGradient(errors, x.data(), -0.125f, sums, fast_dw.data(), fast_work.weight_gradient);
    worst->Update(&worst->dx, Measure(fast_dx, dx));
    worst->Update(&worst->dw, Measure(fast_dw, dw));
    CHECK(fast_work.input_error == plain.input_error);
    CHECK(fast_work.weight_gradient == plain.weight_gradient);
  }
}

void Report(const Worst& worst) {
  MESSAGE("largest differences: forward " << worst.forward << ", dx " << worst.dx << ", dw " << worst.dw);
  CHECK(worst.forward <= kFastTolerance);
  CHECK(worst.dx <= kFastTolerance);
  CHECK(worst.dw <= kFastTolerance);
  CHECK(worst.strips > 20);
}

TEST_CASE("fast CONV_2D equals its plain twin") {
  Random random(21);
  Worst worst;
  for (const ConvShape& s : FastShapes()) {
    const std::vector<float> x = random.Vector<float>(InputElements(s));
    const std::vector<float> w = RandomFilters(random, s);
    const std::vector<float> bias = random.Vector<float>(size_t(s.out_c));
    for (Activation activation : kActivations) {
      for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
        std::vector<float> y(OutputElements(s)), fast_y(y.size());
        WorkCounters plain, fast_work;
        ConvForward<Conv2d>(s, x.data(), w.data(), b, activation, y.data(), plain);
        Sums<float> strip(random.Below(2) * kMaxStrip);
        fast::Conv2DForward(s, activation, x.data(), w.data(), b, fast_y.data(), strip, fast_work.forward);
        worst.Update(&worst.forward, Measure(fast_y, y));
        CHECK(fast_work.forward == plain.forward);
      }
    }
    CheckBackward(random, s, PoolOfOne(s), nullptr, DirectLocator(s.out_w, s.out_c), x, w, &worst);
  }
  Report(worst);
}

TEST_CASE("fast CONV_2D with a max-pool equals its plain twin") {
  Random random(22);
  Worst worst;
  for (const ConvShape& s : FastShapes()) {
    for (const PoolWindow& window : kPools) {
      if (!PoolFits(s, window)) continue;
      const PoolShape pool = MakePool(s, window.filter, window.stride, window.same);
      const std::vector<float> x = random.Vector<float>(InputElements(s));
      const std::vector<float> w = RandomFilters(random, s);
      const std::vector<float> bias = random.Vector<float>(size_t(s.out_c));
      const size_t n = OutputElements(pool);
      std::vector<uint8_t> argmax(n);
      for (Activation activation : kActivations) {
        std::vector<float> y(n), fast_y(n), without(n);
        std::vector<uint8_t> fast_argmax(n, 255);
        WorkCounters plain, fast_work;
        ConvMaxPoolForward<Conv2d>(s, pool, x.data(), w.data(), bias.data(), activation, y.data(), argmax.data(),
                                   plain);
        Sums<float> strip(kMaxStrip), none(0);
        fast::PooledConv2DForward(s, pool, activation, x.data(), w.data(), bias.data(), fast_y.data(),
                                  fast_argmax.data(), strip, fast_work.forward);
        CHECK(fast_work.forward == plain.forward);
        fast::PooledConv2DForward(s, pool, activation, x.data(), w.data(), bias.data(), without.data(), nullptr, none,
                                  fast_work.forward);
        worst.Update(&worst.forward, Measure(fast_y, y));
        CHECK(SameBits(fast_y, without));
        // Where the activation is flat, any winner will do: its error is masked.
        const Bounds<float> bounds(activation);
        for (size_t i = 0; i < n; ++i) {
          CHECK(fast_argmax[i] < pool.filter_h * pool.filter_w);
          if (bounds.Passes(y[i])) CHECK(fast_argmax[i] == argmax[i]);
        }
      }
      CheckBackward(random, s, pool, argmax.data(), PooledLocator(pool, argmax.data()), x, w, &worst);
    }
  }
  Report(worst);
}

/// A workspace is used as a strip from this many floats on; 0: never. tests/test_strips.py plans the same numbers.
struct StripCase {
  ConvShape conv;
  bool pooled;
  uint32_t forward, backward;
};

TEST_CASE("strips are as long as the converter plans them") {
  Random random(24);
  for (const StripCase& c : {StripCase{MakeConv({14, 14}, 4, 8, {3, 3}, {1, 1}, {1, 1}, true), true, 256, 256},
                             {MakeConv({28, 28}, 1, 4, {3, 3}, {1, 1}, {1, 1}, true), true, 120, 120},
                             {MakeConv({6, 7}, 4, 3, {3, 3}, {1, 1}, {1, 1}, true), false, 160, 108},
                             {MakeConv({6, 7}, 4, 3, {3, 3}, {1, 1}, {1, 1}, false), false, 128, 0},
                             {MakeConv({9, 9}, 3, 8, {3, 3}, {2, 2}, {1, 1}, true), false, 0, 99},
                             {MakeConv({8, 8}, 3, 5, {1, 1}, {1, 1}, {1, 1}, true), false, 0, 0},
                             {MakeConv({10, 6}, 2, 4, {5, 5}, {1, 1}, {1, 1}, true), false, 0, 100},
                             {MakeConv({16, 16}, 16, 16, {3, 3}, {1, 1}, {1, 1}, true), false, 0, 0},
                             {MakeConv({9, 9}, 4, 3, {3, 3}, {1, 1}, {1, 2}, true), false, 0, 0}}) {
    CAPTURE(c.conv.in_c);
    CAPTURE(c.conv.in_w);
    const PoolShape pool = c.pooled ? MakePool(c.conv, {2, 2}, {2, 2}, false) : PoolOfOne(c.conv);
    CHECK(fast::BackwardStrip(c.conv, pool) == c.backward);
    const std::vector<float> x = random.Vector<float>(InputElements(c.conv)), w = RandomFilters(random, c.conv);
    std::vector<float> y(OutputElements(pool));
    uint64_t macs = 0;
    const auto is_used = [&](uint32_t elements) {
      Sums<float> workspace(elements);
      const std::vector<float> before(workspace.values, workspace.values + elements);
      if (c.pooled) {
        fast::PooledConv2DForward(c.conv, pool, Activation::kRelu, x.data(), w.data(), nullptr, y.data(), nullptr,
                                  workspace, macs);
      } else {
        fast::Conv2DForward(c.conv, Activation::kRelu, x.data(), w.data(), nullptr, y.data(), workspace, macs);
      }
      return before != std::vector<float>(workspace.values, workspace.values + elements);
    };
    if (c.forward != 0) {
      CHECK(is_used(c.forward));
      CHECK_FALSE(is_used(c.forward - 1));
    } else {
      CHECK_FALSE(is_used(kMaxStrip));
    }
  }
}

TEST_CASE("a damaged winner stays inside the buffers") {
  Random random(23);
  const ConvShape s = MakeConv({6, 6}, 4, 3, {3, 3}, {1, 1}, {1, 1}, true);
  for (const PoolWindow& window : kPools) {
    const PoolShape pool = MakePool(s, window.filter, window.stride, window.same);
    const std::vector<float> dy = random.Vector<float>(OutputElements(pool));
    std::vector<uint8_t> argmax(dy.size());
    for (uint8_t& winner : argmax) winner = static_cast<uint8_t>(random.Below(256));
    const std::vector<float> x = random.Vector<float>(InputElements(s)),
                             w = random.Vector<float>(WeightElements<Conv2d>(s));
    std::vector<float> dx(x.size()), dw(w.size());
    uint64_t macs = 0;
    const Selection all = All();
    const fast::ConvErrors errors = {s, pool, argmax.data(), all, dy.data()};
    for (size_t strip : {size_t{0}, size_t{fast::BackwardStrip(s, pool)}}) {
      Sums<float> workspace(36 + strip);
      fast::Conv2DInputError(errors, w.data(), dx.data(), workspace, macs);
      fast::Conv2DWeightGradient(errors, x.data(), 1.0f, workspace, dw.data(), macs);
    }
  }
}

}  // namespace
}  // namespace testing
}  // namespace tflm_train
