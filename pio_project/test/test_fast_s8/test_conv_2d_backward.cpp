// Input errors through int8 filters and gradients of these within 1e-6 of the largest of the plain kernel's, and the
// same work.
#include "../test_kernels/conv_testing.h"
#include "fast_s8_testing.h"
#include "tflm_train/kernels/fast/s8/conv_2d_backward.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

std::vector<ConvShape> Shapes() {
  std::vector<ConvShape> shapes;
  for (int32_t in_c = 1; in_c <= 40; ++in_c) {
    shapes.push_back(MakeConv({3, 4}, in_c, 5, {1, 1}, {1, 1}, {1, 1}, true));
  }
  shapes.push_back(MakeConv({5, 5}, 16, 35, {1, 1}, {1, 1}, {1, 1}, true));  // more than are summed together
  for (bool same : {false, true}) {
    for (int32_t in_c : {1, 3, 4, 7, 16}) {
      shapes.push_back(MakeConv({6, 7}, in_c, 6, {3, 3}, {1, 1}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 8}, in_c, 5, {3, 3}, {2, 2}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 8}, in_c, 5, {1, 1}, {2, 2}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 9}, in_c, 4, {5, 5}, {1, 1}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 9}, in_c, 4, {3, 3}, {1, 1}, {2, 2}, same));
    }
    shapes.push_back(MakeConv({1, 40}, 3, 6, {1, 5}, {1, 1}, {1, 1}, same));
  }
  return shapes;
}

}  // namespace

TEST_CASE("fast int8 convolution: input errors, any part of the filters at a time") {
  Random random(21);
  double worst = 0;
  for (const ConvShape& s : Shapes()) {
    const auto filter = static_cast<uint32_t>(s.filter_h * s.filter_w * s.in_c);
    const PoolShape pool = PoolOfOne(s);
    const Bytes w(random, WeightElements<Conv2d>(s), 0);
    const std::vector<int8_t> weights = w.Copy();
    std::vector<float> scales(static_cast<size_t>(s.out_c)), dy = random.Vector<float>(OutputElements(s));
    for (float& scale : scales) scale = 0.001f * static_cast<float>(1 + random.Below(20));
    for (float& error : dy) {
      if (random.Below(3) == 0) error = 0.0f;
    }
    const std::vector<float> before = random.Vector<float>(InputElements(s));
    for (const uint32_t step : {0u, 1u}) {
      const ScaledWeights scaled = {weights.data(), scales.data(), step};
      for (const Selection& selection : {All(), NonZero()}) {
        std::vector<float> expected = before;
        WorkCounters work;
        Conv2d::InputError(s, scaled, dy.data(), static_cast<uint32_t>(dy.size()), selection,
                           DirectLocator(s.out_w, s.out_c), expected.data(), work);
        const uint32_t strip = fast::BackwardStrip(s, pool);
        for (const uint32_t elements : {filter, 2 * filter + strip, filter * static_cast<uint32_t>(s.out_c) + strip}) {
          Sums<float> room(elements);
          std::vector<float> dx = before;
          uint64_t macs = 0;
          fast::s8::Conv2DInputError({s, pool, nullptr, selection, dy.data()}, scaled, dx.data(), room, macs);
          worst = std::fmax(worst, Measure(dx, expected));
          CHECK(macs == work.input_error);
        }
      }
    }
  }
  CHECK(worst < 1e-6);
}

namespace {

/// Rows of a gradient, and how many of them ended.
struct Rows {
  std::vector<float> weights;
  std::vector<int> ends;
};

void TakeRow(const void* to, uint32_t channel, const float* row, uint32_t n) {
  auto& rows = *static_cast<Rows*>(const_cast<void*>(to));
  std::copy(row, row + n, rows.weights.begin() + static_cast<ptrdiff_t>(channel * n));
  ++rows.ends[channel];
}

void CheckGradient(Random& random, const ConvShape& s, const PoolShape& pool, bool pooled, double& worst) {
  const auto filter = static_cast<uint32_t>(s.filter_h * s.filter_w * s.in_c), all = static_cast<uint32_t>(s.out_c);
  const Bytes x(random, InputElements(s), 1);
  const std::vector<int8_t> image = x.Copy();
  const ShiftedInput input = {image.data(), static_cast<int32_t>(random.Below(256)) - 128};
  std::vector<float> dy = random.Vector<float>(OutputElements(pool));
  for (size_t i = 0; i < dy.size(); ++i) {
    if (random.Below(3) == 0 || i % all == 1) dy[i] = 0.0f;  // a channel without errors
  }
  std::vector<uint8_t> argmax(dy.size());
  for (size_t i = 0; i < dy.size(); ++i) {  // some position of the window that is on the map
    const auto pixel = static_cast<int32_t>(i / all);
    const int32_t row = pixel / pool.out_w * pool.stride_h - pool.pad_top;
    const int32_t column = pixel % pool.out_w * pool.stride_w - pool.pad_left;
    do {
      argmax[i] = static_cast<uint8_t>(random.Below(uint32_t(pool.filter_h * pool.filter_w)));
    } while (row + argmax[i] / pool.filter_w < 0 || row + argmax[i] / pool.filter_w >= pool.in_h ||
             column + argmax[i] % pool.filter_w < 0 || column + argmax[i] % pool.filter_w >= pool.in_w);
  }
  const auto elements = static_cast<uint32_t>(dy.size());
  for (const Selection& selection : {All(), NonZero()}) {
    Rows expected = {std::vector<float>(filter * all), std::vector<int>(all)};
    WorkCounters work;
    Sums<float> plain(filter * all);
    const auto take = [&](size_t, uint32_t channel, const float* row, uint32_t n, uint32_t) {
      TakeRow(&expected, channel, row, n);
    };
    const PooledLocator locator(pool, argmax.data());
    Conv2d::WeightGradientRows(s, input, dy.data(), elements, selection, locator, Workspace<float>(plain), work, take);
    const uint32_t strip = fast::s8::WindowStrip(s, pool);
    PoolShape window = pool;
    window.out_w = 1;
    for (const uint32_t room : {fast::s8::WindowStrip(s, window) + filter, strip + filter, strip + filter * all}) {
      Rows found = {std::vector<float>(filter * all), std::vector<int>(all)};
      Sums<float> sums(room);
      uint64_t macs = 0;
      const fast::ConvErrors errors = {s, pool, pooled ? argmax.data() : nullptr, selection, dy.data()};
      fast::s8::Conv2DWeightGradient(errors, input, sums, {TakeRow, &found}, macs);
      worst = std::fmax(worst, Measure(found.weights, expected.weights));
      CHECK(found.ends == expected.ends);
      CHECK(macs == work.weight_gradient);
    }
  }
}

}  // namespace

TEST_CASE("fast int8 convolution: gradients of weights, any part of a row of windows and of the filters at a time") {
  Random random(22);
  double worst = 0;
  for (const ConvShape& s : Shapes()) {
    CheckGradient(random, s, PoolOfOne(s), false, worst);
    for (bool same : {false, true}) {
      if (s.out_h < 3 || s.out_w < 3) continue;
      CheckGradient(random, s, MakePool(s, {2, 2}, {2, 2}, same), true, worst);
      CheckGradient(random, s, MakePool(s, {3, 2}, {1, 2}, same), true, worst);
    }
  }
  const ConvShape wide = MakeConv({9, 9}, 3, 4, {3, 3}, {1, 1}, {1, 1}, true);
  CheckGradient(random, wide, MakePool(wide, {5, 5}, {2, 2}, true), true, worst);  // more offsets than a table has
  CHECK(worst < 1e-6);
}

TEST_CASE("fast int8 convolution: floats of windows in workspaces, as the converter plans them") {
  // tests/test_strips.py has the same numbers
  const auto strip = [](const ConvShape& s, bool pooled) {
    return fast::s8::WindowStrip(s, pooled ? MakePool(s, {2, 2}, {2, 2}, false) : PoolOfOne(s));
  };
  CHECK(strip(MakeConv({28, 28}, 1, 4, {3, 3}, {1, 1}, {1, 1}, false), true) == 112);
  CHECK(strip(MakeConv({14, 14}, 4, 8, {3, 3}, {1, 1}, {1, 1}, true), true) == 256);
  CHECK(strip(MakeConv({32, 32}, 16, 16, {3, 3}, {1, 1}, {1, 1}, true), false) == 240);  // three windows
  CHECK(strip(MakeConv({16, 16}, 64, 32, {3, 3}, {2, 2}, {1, 1}, true), false) == 576);  // one
  CHECK(strip(MakeConv({25, 5}, 64, 64, {1, 1}, {1, 1}, {1, 1}, true), false) == 256);
  CHECK(strip(MakeConv({9, 17}, 5, 4, {3, 2}, {2, 2}, {3, 2}, false), false) == 245);
}
