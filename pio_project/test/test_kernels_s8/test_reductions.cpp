#include "../test_kernels/conv_testing.h"
#include "int8_testing.h"
#include "tflm_train/kernels/max_pool_2d.h"
#include "tflm_train/kernels/reduce_max.h"
#include "tflm_train/kernels/s8/average_pool_2d.h"
#include "tflm_train/kernels/s8/mean.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

std::vector<PoolShape> PoolShapes() {
  ConvShape image = {};
  image.out_h = 5;
  image.out_w = 7;
  image.out_c = 3;
  std::vector<PoolShape> shapes;
  for (bool same : {false, true}) {
    for (Pair stride : {Pair{1, 1}, Pair{2, 3}}) {
      for (Pair filter : {Pair{2, 2}, Pair{3, 2}, Pair{5, 5}}) shapes.push_back(MakePool(image, filter, stride, same));
    }
  }
  return shapes;
}

/// Calls visit(element of y, element of x) for every tap inside the image, bounds tested tap by tap.
template <class Visit>
void ForEachTapInside(const PoolShape& s, Visit visit) {
  for (int32_t i = 0; i < s.out_h * s.out_w * s.channels; ++i) {
    for (int32_t tap = 0; tap < s.filter_h * s.filter_w; ++tap) {
      const int32_t row = i / s.channels / s.out_w * s.stride_h - s.pad_top + tap / s.filter_w;
      const int32_t column = i / s.channels % s.out_w * s.stride_w - s.pad_left + tap % s.filter_w;
      if (row < 0 || row >= s.in_h || column < 0 || column >= s.in_w) continue;
      visit(size_t(i), size_t((row * s.in_w + column) * s.channels + i % s.channels));
    }
  }
}

}  // namespace

TEST_CASE("int8 average pool: ties away from zero, only taps inside the image count") {
  ConvShape image = {};
  image.out_h = 2;
  image.out_w = 3;
  image.out_c = 1;
  const PoolShape s = MakePool(image, {2, 2}, {2, 2}, true);
  const std::vector<int8_t> x = {1, 2, -3, 5, 10, -8};
  std::vector<int8_t> y(2);
  s8::AveragePool2dForward(s, x.data(), {-128, 127}, y.data());
  CHECK(y == std::vector<int8_t>{5, -6});  // 18 / 4 and -11 / 2
  s8::AveragePool2dForward(s, x.data(), {-5, 4}, y.data());
  CHECK(y == std::vector<int8_t>{4, -5});
}

TEST_CASE("int8 pools by definition") {
  Random random(9);
  for (const PoolShape& s : PoolShapes()) {
    const std::vector<int8_t> x = Integers(random, 105);
    std::vector<int8_t> mean(OutputElements(s)), largest(mean.size());
    std::vector<int32_t> sums(mean.size()), taps(mean.size()), most(mean.size(), -128);
    ForEachTapInside(s, [&](size_t yi, size_t xi) {
      sums[yi] += x[xi];
      ++taps[yi];
      most[yi] = std::max<int32_t>(most[yi], x[xi]);
    });
    s8::AveragePool2dForward(s, x.data(), {-128, 127}, mean.data());
    MaxPool2dForward(s, x.data(), Int8Range{-50, 60}, largest.data(), nullptr);
    for (size_t i = 0; i < mean.size(); ++i) {
      REQUIRE(mean[i] == std::lround(static_cast<double>(sums[i]) / taps[i]));
      REQUIRE(largest[i] == std::max<int32_t>(-50, std::min<int32_t>(60, most[i])));
    }
  }
}

TEST_CASE("int8 sum by definition; the largest of a dimension") {
  Random random(10);
  for (const MeanShape& s : {MeanShape{1, 25, 4}, MeanShape{3, 7, 1}, MeanShape{2, 1, 5}, MeanShape{2, 64, 3}}) {
    for (int32_t x_zero : {-128, 9, 127}) {
      const std::vector<int8_t> x = Integers(random, size_t{s.outer} * s.reduced * s.inner);
      const Stage stage(random, 1, false, ShiftFor(s.reduced) + 7);
      std::vector<int8_t> y(size_t{s.outer} * s.inner), largest(y.size());
      s8::SumForward(s, x_zero, x.data(), stage.stage(), y.data());
      ReduceMaxForward(s, x.data(), largest.data());
      for (size_t o = 0; o < s.outer; ++o) {
        for (size_t i = 0; i < s.inner; ++i) {
          int64_t sum = 0;
          int8_t most = -128;
          for (size_t r = 0; r < s.reduced; ++r) {
            const int8_t value = x[(o * s.reduced + r) * s.inner + i];
            sum += value - x_zero;
            most = std::max(most, value);
          }
          REQUIRE(y[o * s.inner + i] == stage.Expected(sum, 0));
          REQUIRE(largest[o * s.inner + i] == most);
        }
      }
    }
  }
}
