// Fast convolutions have the plain ones' bits: padding, strides, dilations, any number of channels.
#include "../test_kernels/conv_testing.h"
#include "fast_s8_testing.h"
#include "tflm_train/kernels/fast/s8/conv_2d.h"
#include "tflm_train/kernels/fast/s8/depthwise_conv_2d.h"
#include "tflm_train/kernels/fast/s8/fully_connected.h"
#include "tflm_train/kernels/s8/conv_2d.h"
#include "tflm_train/kernels/s8/depthwise_conv_2d.h"

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

std::vector<ConvShape> DepthwiseShapes() {
  std::vector<ConvShape> shapes;
  for (bool same : {false, true}) {
    for (int32_t in_c : {1, 2, 3, 4, 5, 7, 8, 12, 17}) {
      for (int32_t multiplier : {1, 2, 3}) {
        shapes.push_back(MakeConv({5, 6}, in_c, in_c * multiplier, {3, 3}, {1, 1}, {1, 1}, same));
      }
      shapes.push_back(MakeConv({9, 8}, in_c, in_c, {3, 3}, {2, 2}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 8}, in_c, in_c, {3, 3}, {1, 3}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 8}, in_c, in_c, {5, 5}, {1, 1}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 8}, in_c, in_c, {2, 2}, {3, 1}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 8}, in_c, in_c, {1, 1}, {2, 1}, {1, 1}, same));
      shapes.push_back(MakeConv({9, 9}, in_c, in_c, {3, 3}, {1, 1}, {2, 3}, same));
      shapes.push_back(MakeConv({9, 9}, in_c, in_c, {3, 2}, {2, 1}, {3, 2}, same));
    }
    // several blocks of channels, the last one smaller
    shapes.push_back(MakeConv({6, 30}, 33, 33, {3, 3}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({5, 40}, 9, 18, {3, 3}, {2, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({4, 200}, 6, 6, {3, 3}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({40, 1}, 6, 6, {5, 1}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({1, 40}, 6, 6, {1, 5}, {1, 1}, {1, 1}, same));
    shapes.push_back(MakeConv({25, 5}, 8, 8, {25, 5}, {1, 1}, {1, 1}, same));
  }
  shapes.push_back(MakeConv({1, 1}, 4, 4, {3, 3}, {1, 1}, {1, 1}, true));
  shapes.push_back(MakeConv({2, 1}, 3, 3, {5, 5}, {1, 1}, {2, 2}, true));
  return shapes;
}

struct Fast {
  uint32_t (*workspace)(const ConvShape&);
  decltype(&fast::s8::Conv2DForward) forward;
};

template <class Conv, class PlainConv>
void Check(const Fast& fast, const std::vector<ConvShape>& shapes) {
  Random random(9);
  for (const ConvShape& s : shapes) {
    CAPTURE(s.in_w);
    CAPTURE(s.in_c);
    CAPTURE(s.out_c);
    CAPTURE(s.filter_h);
    CAPTURE(s.stride_h);
    CAPTURE(s.pad_top);
    for (bool quick : {true, false}) {
      const size_t shift = random.Below(4);
      const int32_t zero = random.Below(2) == 0 ? -128 : static_cast<int32_t>(random.Below(256)) - 128;
      Bytes x(random, InputElements(s), shift), w(random, WeightElements<Conv>(s), 3 - shift),
          y(random, OutputElements(s), shift);
      const auto bias = Biases(random, size_t(s.out_c), random.Below(4) == 0);
      const AnyStage any(random, uint32_t(s.out_c), random.Below(2) == 0, quick, random.Below(4) == 0);
      const int32_t* b = random.Below(4) == 0 ? nullptr : bias.data();
      std::vector<int8_t> expected(OutputElements(s));
      WorkCounters work;
      tflm_train::s8::ConvForward<PlainConv>(s, zero, x.data(), w.data(), b, any.stage(), expected.data(), work);
      Scratch scratch(fast.workspace(s));
      uint64_t macs = 0;
      fast.forward(s, zero, x.data(), w.data(), b, any.stage(), y.data(), scratch.workspace(), macs);
      CHECK(y.Copy() == expected);
      CHECK(y.GuardsIntact());
      CHECK(scratch.GuardIntact());
      CHECK(macs == work.forward);
    }
  }
}

}  // namespace

TEST_CASE("fast int8 convolution: the plain kernel's bits and work") {
  Check<Conv2d, tflm_train::s8::Conv2d>({fast::s8::Conv2DWorkspace, fast::s8::Conv2DForward}, Shapes());
}

TEST_CASE("fast int8 depthwise convolution: the plain kernel's bits and work") {
  Check<DepthwiseConv2d, tflm_train::s8::DepthwiseConv2d>(
      {fast::s8::DepthwiseConv2DWorkspace, fast::s8::DepthwiseConv2DForward}, DepthwiseShapes());
}

TEST_CASE("fast int8 depthwise convolution: a workspace of 2 KB, unless four channels need more") {
  for (const ConvShape& s : DepthwiseShapes()) {
    const fast::s8::DepthwiseBlocks blocks(s);
    CHECK(blocks.depth % 4 == 0);
    CHECK((blocks.elements() <= 1024 || blocks.depth == 4));
  }
}

TEST_CASE("fast int8 kernels: elements of workspaces, as the converter plans them") {
  // tests/test_strips.py has the same numbers
  using fast::s8::Conv2DWorkspace;
  using fast::s8::DepthwiseConv2DWorkspace;
  CHECK(fast::s8::FullyConnectedWorkspace(27) == 28);
  CHECK(Conv2DWorkspace(MakeConv({32, 32}, 3, 16, {3, 3}, {1, 1}, {1, 1}, true)) == 70);
  CHECK(Conv2DWorkspace(MakeConv({25, 5}, 64, 64, {1, 1}, {1, 1}, {1, 1}, true)) == 128);
  CHECK(Conv2DWorkspace(MakeConv({25, 5}, 64, 64, {1, 1}, {2, 2}, {1, 1}, true)) == 160);
  CHECK(DepthwiseConv2DWorkspace(MakeConv({25, 5}, 64, 64, {3, 3}, {1, 1}, {1, 1}, true)) == 834);
  CHECK(DepthwiseConv2DWorkspace(MakeConv({25, 5}, 17, 17, {3, 3}, {1, 1}, {1, 1}, true)) == 528);
  CHECK(DepthwiseConv2DWorkspace(MakeConv({4, 200}, 6, 6, {3, 3}, {1, 1}, {1, 1}, true)) == 1290);
  CHECK(DepthwiseConv2DWorkspace(MakeConv({9, 17}, 5, 5, {3, 2}, {2, 2}, {3, 2}, false)) == 584);
  CHECK(DepthwiseConv2DWorkspace(MakeConv({25, 25}, 8, 8, {25, 25}, {1, 1}, {1, 1}, false)) == 5024);
}
