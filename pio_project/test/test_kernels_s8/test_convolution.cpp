#include "../test_kernels/conv_testing.h"
#include "int8_testing.h"
#include "tflm_train/kernels/max_pool_2d.h"
#include "tflm_train/kernels/s8/depthwise_conv_2d.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

/// Every geometry of the float tests, zero points, scales for all channels and for each one. `Float`: the convolution
/// whose geometry it is.
template <class Float, class Int8>
void CheckByDefinition() {
  Random random(5);
  for (const ConvShape& s : ConvShapes<Float>()) {
    for (int32_t x_zero : {-128, 5, 127}) {
      for (bool per_channel : {false, true}) {
        const auto x = Integers(random, InputElements(s)), w = Integers(random, WeightElements<Float>(s));
        const size_t channels = static_cast<size_t>(s.out_c);
        auto bias = Integers<int32_t>(random, channels, -5000, 5000);
        const Stage stage(random, uint32_t(channels), per_channel, ShiftFor(Float::WeightsPerChannel(s)));
        const bool with_bias = random.Below(3) != 0;
        if (!with_bias) bias.assign(channels, 0);
        std::vector<int8_t> y(OutputElements(s)), expected(y.size());
        std::vector<int64_t> sums(y.size());
        uint64_t products = 0;
        ForEachProduct<Float>(s, [&](size_t yi, size_t xi, size_t wi) {
          sums[yi] += (x[xi] - x_zero) * w[wi];
          ++products;
        });
        for (size_t i = 0; i < y.size(); ++i) {
          expected[i] = stage.Expected(sums[i] + bias[i % channels], i % channels);
        }
        WorkCounters work;
        const int32_t* biases = with_bias ? bias.data() : nullptr;
        s8::ConvForward<Int8>(s, x_zero, x.data(), w.data(), biases, stage.stage(), y.data(), work);
        CHECK(y == expected);
        CHECK(work.forward == products);
        if constexpr (!kTransposed<Float> && !kGrouped<Float>) {
          const PoolShape pool = MakePool(s, {2, 2}, {2, 1}, true);
          std::vector<int8_t> pooled(OutputElements(pool)), fused(pooled.size());
          std::vector<uint8_t> winners(pooled.size()), fused_winners(pooled.size());
          MaxPool2dForward(pool, y.data(), Int8Range{-128, 127}, pooled.data(), winners.data());
          s8::ConvMaxPoolForward<Int8>(s, pool, x_zero, x.data(), w.data(), biases, stage.stage(), fused.data(),
                                       fused_winners.data(), work);
          CHECK(fused == pooled);
          CHECK(fused_winners == winners);
        }
      }
    }
  }
}

}  // namespace

TEST_CASE("int8 conv 2d: small numbers by hand") {
  // two pixels of two channels, a filter of 1 x 2 with zero padding on the right
  const ConvShape s = MakeConv({1, 2}, 2, 1, {1, 2}, {1, 1}, {1, 1}, true);
  const std::vector<int8_t> x = {-128, -28, 72, 127}, w = {1, 2, 3, -4};
  const std::vector<int32_t> bias = {100}, pairs = {int32_t{1} << 30, -1};  // 1 / 4
  std::vector<int8_t> y(2);
  WorkCounters work;
  // x - zero point = 0, 100 | 200, 255: sums 200 + 600 - 1020 + 100 = -120, and 200 + 510 + 100 = 810
  s8::ConvForward<s8::Conv2d>(s, -128, x.data(), w.data(), bias.data(), {{pairs.data(), 0}, -100, -128, 127}, y.data(),
                              work);
  CHECK(y == std::vector<int8_t>{-128, 103});  // -30 - 100, clamped; 202.5, rounded up, - 100
  CHECK(work.forward == 6);
}

TEST_CASE("int8 conv 2d by definition, alone and with its max-pool") { CheckByDefinition<Conv2d, s8::Conv2d>(); }
TEST_CASE("int8 depthwise conv 2d by definition, alone and with its max-pool") {
  CheckByDefinition<DepthwiseConv2d, s8::DepthwiseConv2d>();
}
TEST_CASE("int8 grouped conv 2d by definition") { CheckByDefinition<GroupedConv2d, s8::GroupedConv2d>(); }
TEST_CASE("int8 transpose conv by definition") { CheckByDefinition<TransposeConv, s8::TransposeConv>(); }
