// The fast convolution by definition: padding, strides, dilations, any number of channels.
#include "../test_kernels/conv_testing.h"
#include "fast_s8_testing.h"
#include "tflm_train/kernels/fast/s8/conv_2d.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

std::vector<ConvShape> Shapes() {
  std::vector<ConvShape> shapes;
  for (bool same : {false, true}) {
    for (int32_t in_c : {1, 2, 3, 4, 5, 7, 8, 16, 17}) {
      for (int32_t out_c : {1, 2, 3, 4, 7, 9}) {
        shapes.push_back(MakeConv({5, 6}, in_c, out_c, {3, 3}, {1, 1}, {1, 1}, same));
        shapes.push_back(MakeConv({3, 3}, in_c, out_c, {1, 1}, {1, 1}, {1, 1}, same));
      }
    }
    for (int32_t stride : {1, 2, 3}) {
      for (int32_t in_c : {3, 4}) {
        shapes.push_back(MakeConv({9, 8}, in_c, 5, {3, 3}, {stride, 2}, {1, 1}, same));
        shapes.push_back(MakeConv({7, 9}, in_c, 3, {1, 1}, {stride, 1}, {1, 1}, same));
        shapes.push_back(MakeConv({9, 9}, in_c, 4, {5, 5}, {stride, stride}, {1, 1}, same));
      }
    }
    for (Pair dilation : {Pair{2, 1}, {1, 2}, {2, 3}}) {
      for (int32_t in_c : {3, 8}) {
        shapes.push_back(MakeConv({9, 9}, in_c, 3, {3, 3}, {1, 1}, dilation, same));
        shapes.push_back(MakeConv({9, 11}, in_c, 2, {3, 2}, {2, 1}, dilation, same));
      }
    }
    shapes.push_back(MakeConv({1, 40}, 3, 6, {1, 5}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({40, 1}, 6, 3, {3, 1}, {2, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({12, 6}, 1, 5, {10, 4}, {2, 2}, {1, 1}, same));
    shapes.push_back(MakeConv({8, 8}, 32, 8, {3, 3}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({8, 8}, 22, 8, {2, 2}, {1, 1}, {1, 1}, same));
  }
  shapes.push_back(MakeConv({1, 1}, 4, 3, {3, 3}, {1, 1}, {1, 1}, true));
  shapes.push_back(MakeConv({2, 1}, 3, 2, {5, 5}, {1, 1}, {2, 2}, true));
  return shapes;
}

}  // namespace

TEST_CASE("fast int8 convolution: by definition") {
  Random random(9);
  for (const ConvShape& s : Shapes()) {
    CAPTURE(s.in_c);
    CAPTURE(s.out_c);
    CAPTURE(s.filter_h);
    CAPTURE(s.stride_h);
    CAPTURE(s.pad_top);
    const size_t shift = random.Below(4);
    const int32_t zero = random.Below(2) == 0 ? -128 : static_cast<int32_t>(random.Below(256)) - 128;
    Bytes x(random, InputElements(s), shift), w(random, WeightElements<Conv2d>(s), 3 - shift),
        y(random, OutputElements(s), shift);
    const auto bias = Biases(random, size_t(s.out_c), random.Below(4) == 0);
    const AnyStage any(random, uint32_t(s.out_c), random.Below(2) == 0, random.Below(4) != 0, false);
    const int32_t* b = random.Below(4) == 0 ? nullptr : bias.data();
    std::vector<uint32_t> sums(OutputElements(s));
    for (size_t i = 0; i < sums.size(); ++i) sums[i] = b != nullptr ? uint32_t(b[i % size_t(s.out_c)]) : 0;
    uint64_t products = 0;
    ForEachProduct<Conv2d>(s, [&](size_t to, size_t from, size_t weight) {
      sums[to] += static_cast<uint32_t>((x.data()[from] - zero) * w.data()[weight]);
      ++products;
    });
    std::vector<int8_t> expected(sums.size());
    for (size_t i = 0; i < sums.size(); ++i) {
      expected[i] = any.stage().Apply(static_cast<int32_t>(sums[i]), static_cast<uint32_t>(i % size_t(s.out_c)));
    }
    Scratch scratch(fast::s8::Conv2DWorkspace(s));
    uint64_t macs = 0;
    fast::s8::Conv2DForward(s, zero, x.data(), w.data(), b, any.stage(), y.data(), scratch.workspace(), macs);
    CHECK(y.Copy() == expected);
    CHECK(y.GuardsIntact());
    CHECK(scratch.GuardIntact());
    if (kCountWork) CHECK(macs == products);
  }
}
