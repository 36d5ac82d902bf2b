#include <limits>

#include "int8_testing.h"
#include "tflm_train/kernels/s8/lookup.h"
#include "tflm_train/kernels/s8/quantize.h"

using namespace tflm_train;
using namespace tflm_train::testing;

TEST_CASE("quantize: to nearest, ties away from zero, clamped") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {0,
                                0.25f,
                                -0.25f,
                                0.75f,
                                -0.75f,
                                0.2499999f,
                                60,
                                -70,
                                1e30f,
                                -1e30f,
                                kInfinity,
                                -kInfinity,
                                std::numeric_limits<float>::quiet_NaN()};
  std::vector<int8_t> y(x.size());
  s8::Quantize({0.5f, 3}, x.data(), static_cast<uint32_t>(x.size()), y.data());
  CHECK(y == std::vector<int8_t>{3, 4, 2, 5, 1, 3, 123, -128, 127, -128, 127, -128, 3});
  std::vector<uint8_t> bytes(x.size());
  s8::Quantize({0.5f, 131}, x.data(), static_cast<uint32_t>(x.size()), bytes.data());
  CHECK(bytes == std::vector<uint8_t>{131, 132, 130, 133, 129, 131, 251, 0, 255, 0, 255, 0, 131});
}

TEST_CASE("quantize: every integer and what lies next to a tie") {
  constexpr float kScale = 0.0078125f;  // exact, so that ties are
  for (int32_t value = -300; value <= 300; ++value) {
    const float centre = static_cast<float>(value) * kScale, tie = centre + (value < 0 ? -0.5f : 0.5f) * kScale;
    const std::vector<float> x = {centre, std::nextafter(tie, centre), tie};
    int8_t y[3];
    s8::Quantize({kScale, -7}, x.data(), 3, y);
    const auto clamped = [](int32_t v) {
      return static_cast<int8_t>(std::max<int32_t>(-128, std::min<int32_t>(127, v)));
    };
    REQUIRE(y[0] == clamped(value - 7));
    REQUIRE(y[1] == clamped(value - 7));
    REQUIRE(y[2] == clamped(value - 7 + (value < 0 ? -1 : 1)));
  }
}

TEST_CASE("dequantize: scale times the distance from the zero point; back again nothing changes") {
  std::vector<int8_t> x(256), again(256);
  for (int32_t i = 0; i < 256; ++i) x[size_t(i)] = static_cast<int8_t>(i - 128);
  for (float scale : {0.1f, 0.0039215689f, 7.3f}) {
    for (int32_t zero_point : {-128, -5, 127}) {
      std::vector<float> y(256);
      s8::Dequantize({scale, zero_point}, x.data(), 256, y.data());
      for (size_t i = 0; i < 256; ++i) {
        REQUIRE(y[i] == static_cast<float>(static_cast<double>(scale) * (x[i] - zero_point)));
      }
      s8::Quantize({scale, zero_point}, y.data(), 256, again.data());
      CHECK(again == x);
    }
  }
  const uint8_t bytes[] = {0, 128, 255};
  float y[3];
  s8::Dequantize({0.5f, 128}, bytes, 3, y);
  CHECK(std::vector<float>(y, y + 3) == std::vector<float>{-64, 0, 63.5f});
}

TEST_CASE("lookup: an entry for each byte, slopes likewise") {
  std::vector<uint8_t> table(256);
  std::vector<float> slopes(256);
  for (size_t i = 0; i < 256; ++i) {
    table[i] = static_cast<uint8_t>(255 - i);
    slopes[i] = static_cast<float>(i);
  }
  const std::vector<int8_t> x = {0, 1, 127, -128, -1};
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(x.data());
  std::vector<uint8_t> y(x.size());
  s8::LookupForward(table.data(), bytes, 5, y.data());
  CHECK(y == std::vector<uint8_t>{255, 254, 128, 127, 0});
  const std::vector<float> dy = {1, 2, -1, 0.5f, 1};
  std::vector<float> dx = {1, 1, 1, 1, 1};
  s8::LookupBackward(slopes.data(), bytes, dy.data(), 5, true, dx.data());
  CHECK(dx == std::vector<float>{1, 3, -126, 65, 256});
  s8::LookupBackward(slopes.data(), bytes, dy.data(), 5, false, dx.data());
  CHECK(dx == std::vector<float>{0, 2, -127, 64, 255});
}
