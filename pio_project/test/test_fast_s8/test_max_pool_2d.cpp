// Max-pools with the bits of the plain kernel.
#include "../test_kernels/conv_testing.h"
#include "fast_s8_testing.h"
#include "tflm_train/kernels/fast/s8/max_pool_2d.h"
#include "tflm_train/kernels/max_pool_2d.h"

using namespace tflm_train;
using namespace tflm_train::testing;

TEST_CASE("fast int8 max-pool: the plain kernel's bytes and winners, any number of channels") {
  Random random(31);
  for (int32_t channels = 1; channels <= 21; ++channels) {
    for (const Pair window : {Pair{2, 2}, Pair{3, 2}, Pair{1, 5}, Pair{6, 7}}) {
      for (bool same : {false, true}) {
        const ConvShape image = MakeConv({6, 7}, 1, channels, {1, 1}, {1, 1}, {1, 1}, false);
        const PoolShape s = MakePool(image, window, {2, 1}, same);
        const size_t elements = OutputElements(s);
        // few different bytes, so that many are equal
        std::vector<int8_t> x = Integers(random, size_t(6 * 7 * channels), -2, 2);
        for (int8_t& value : x) value = static_cast<int8_t>(random.Below(4) == 0 ? value * 64 - (value > 1) : value);
        const Int8Range range = random.Below(2) == 0 ? Int8Range{-128, 127} : Int8Range{-1, 100};
        std::vector<int8_t> expected(elements), y(elements);
        std::vector<uint8_t> expected_winners(elements), winners(elements);
        MaxPool2dForward<int8_t>(s, x.data(), range, expected.data(), expected_winners.data());
        fast::s8::MaxPool2dForward(s, x.data(), range, y.data(), winners.data());
        CHECK(y == expected);
        CHECK(winners == expected_winners);
        fast::s8::MaxPool2dForward(s, x.data(), range, y.data(), nullptr);
        CHECK(y == expected);
      }
    }
  }
}

TEST_CASE("int8 pooling windows: every byte against every other, in every build of the loop") {
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    int wrong = 0;
    for (int32_t a = -128; a <= 127; ++a) {
      std::vector<int8_t> pixels(2 * 256);
      for (size_t i = 0; i < 256; ++i) {
        pixels[i] = static_cast<int8_t>(a);
        pixels[256 + i] = static_cast<int8_t>(static_cast<int32_t>(i) - 128);
      }
      std::vector<int8_t> y(256);
      std::vector<uint8_t> argmax(256);
      inner.largest_of({pixels.data(), 512, 1, 2, 256, 254, 255}, {-100, 90}, y.data(), argmax.data());
      for (size_t i = 0; i < 256; ++i) {
        const int32_t b = static_cast<int32_t>(i) - 128, best = b > a ? b : a;
        wrong += y[i] != (best < -100 ? -100 : best > 90 ? 90 : best) || argmax[i] != (b > a ? 255 : 254);
      }
    }
    CHECK(wrong == 0);
  }
}
