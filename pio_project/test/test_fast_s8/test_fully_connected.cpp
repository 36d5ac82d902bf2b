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
