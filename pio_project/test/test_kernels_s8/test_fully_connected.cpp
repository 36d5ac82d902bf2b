#include "int8_testing.h"
#include "tflm_train/kernels/s8/fully_connected.h"

using namespace tflm_train;
using namespace tflm_train::testing;

TEST_CASE("int8 fully connected: small numbers by hand") {
  const std::vector<int8_t> x = {-128, -126, 2}, w = {1, 2, 3, /**/ -4, 5, -6};
  const std::vector<int32_t> bias = {10, 0}, pairs = {int32_t{1} << 30, -2};  // 1 / 8
  const OutputStage stage = {{pairs.data(), 0}, 5, -90, 127};
  std::vector<int8_t> y(2);
  WorkCounters work;
  // x - zero point = 0, 2, 130: sums 394 + 10 = 404 and 10 - 780 = -770, of which 50.5 and -96.25 are the eighth parts
  s8::FullyConnectedForward({1, 3, 2}, -128, x.data(), w.data(), bias.data(), stage, y.data(), work);
  CHECK(y == std::vector<int8_t>{51 + 5, -90});
  CHECK(work.forward == 6);
  s8::FullyConnectedForward({1, 3, 2}, -128, x.data(), w.data(), nullptr, stage, y.data(), work);
  CHECK(y == std::vector<int8_t>{49 + 5, -90});  // 394 / 8 = 49.25
}

TEST_CASE("int8 fully connected: by definition, of any shape, scale and zero point") {
  Random random(2);
  for (const DenseShape& s : {DenseShape{1, 5, 3}, {1, 1, 1}, {1, 64, 10}, {3, 7, 4}, {2, 130, 17}}) {
    for (int32_t x_zero : {-128, 0, 3, 127}) {
      for (bool per_channel : {false, true}) {
        for (bool with_bias : {false, true}) {
          const auto x = Integers(random, size_t{s.batch} * s.inputs),
                     w = Integers(random, size_t{s.inputs} * s.outputs);
          const auto bias = Integers<int32_t>(random, s.outputs, -9000, 9000);
          const Stage stage(random, s.outputs, per_channel, ShiftFor(s.inputs));
          std::vector<int8_t> y(s.output_elements()), expected(y.size());
          WorkCounters work;
          s8::FullyConnectedForward(s, x_zero, x.data(), w.data(), with_bias ? bias.data() : nullptr, stage.stage(),
                                    y.data(), work);
          for (size_t i = 0; i < y.size(); ++i) {
            const size_t b = i / s.outputs, o = i % s.outputs;
            int64_t sum = with_bias ? bias[o] : 0;
            for (size_t k = 0; k < s.inputs; ++k) sum += (x[b * s.inputs + k] - x_zero) * w[o * s.inputs + k];
            expected[i] = stage.Expected(sum, o);
          }
          CHECK(y == expected);
        }
      }
    }
  }
}
