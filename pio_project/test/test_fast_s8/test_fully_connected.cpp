// The fast dense layer has the bits of the plain one.
#include "fast_s8_testing.h"
#include "tflm_train/kernels/fast/s8/fully_connected.h"
#include "tflm_train/kernels/s8/fully_connected.h"

using namespace tflm_train;
using namespace tflm_train::testing;

TEST_CASE("fast int8 fully connected: the plain kernel's bits and work") {
  Random random(8);
  for (const DenseShape& s : {DenseShape{1, 64, 64}, {1, 1, 1}, {2, 3, 5}, {3, 7, 4}, {1, 640, 3}, {2, 130, 17}}) {
    for (bool quick : {true, false}) {
      const size_t shift = random.Below(4);
      Bytes x(random, s.batch * s.inputs, shift), w(random, s.inputs * s.outputs, 3 - shift),
          y(random, s.output_elements(), shift);
      const auto bias = Biases(random, s.outputs, !quick);
      const AnyStage any(random, s.outputs, random.Below(2) == 0, quick, false);
      const int32_t* b = random.Below(3) == 0 ? nullptr : bias.data();
      std::vector<int8_t> expected(s.output_elements());
      WorkCounters work;
      tflm_train::s8::FullyConnectedForward(s, -128, x.data(), w.data(), b, any.stage(), expected.data(), work);
      Scratch scratch(fast::s8::FullyConnectedWorkspace(s.inputs));
      uint64_t macs = 0;
      fast::s8::FullyConnectedForward(s, -128, x.data(), w.data(), b, any.stage(), y.data(), scratch.workspace(), macs);
      CHECK(y.Copy() == expected);
      CHECK(y.GuardsIntact());
      CHECK(scratch.GuardIntact());
      CHECK(macs == work.forward);
    }
  }
}

TEST_CASE(
    "fast int8 fully connected: input errors within 1e-6 of the largest of the plain kernel's, and the same work") {
  Random random(9);
  double worst = 0;
  for (const DenseShape& s : {DenseShape{1, 64, 10}, {1, 1, 1}, {2, 3, 5}, {3, 7, 40}, {2, 130, 17}, {1, 16, 33}}) {
    const Bytes w(random, s.inputs * s.outputs, 1);
    const std::vector<int8_t> weights = w.Copy();
    std::vector<float> scales(s.outputs), dy = random.Vector<float>(s.output_elements());
    for (float& scale : scales) scale = 0.001f * static_cast<float>(1 + random.Below(20));
    for (float& error : dy) {
      if (random.Below(3) == 0) error = 0.0f;
    }
    const std::vector<float> before = random.Vector<float>(s.batch * s.inputs, 0.1f);
    for (const uint32_t step : {0u, 1u}) {
      const ScaledWeights scaled = {weights.data(), scales.data(), step};
      for (const Selection& selection : {All(), NonZero()}) {
        std::vector<float> expected = before, dx = before;
        WorkCounters work;
        FullyConnected::InputError(s, scaled, dy.data(), selection, expected.data(), work);
        uint64_t macs = 0;
        fast::s8::FullyConnectedInputError(s, scaled, dy.data(), selection, dx.data(), macs);
        worst = std::fmax(worst, Measure(dx, expected));
        CHECK(macs == work.input_error);
      }
    }
  }
  CHECK(worst < 1e-6);
}
