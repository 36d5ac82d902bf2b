// Input errors through int8 filters within 1e-6 of the largest of the plain kernel's, and the same work.
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
