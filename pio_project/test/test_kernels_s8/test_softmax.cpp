#include "int8_testing.h"
#include "tflm_train/kernels/s8/softmax.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

std::vector<int32_t> Table(double scale, size_t entries) {
  std::vector<int32_t> values(entries);
  for (size_t d = 0; d < entries; ++d) {
    values[d] = static_cast<int32_t>(std::fmin(std::round(std::exp(-scale * double(d)) * 2147483648.0), 2147483647.0));
  }
  return values;
}

}  // namespace

TEST_CASE("int8 softmax: the reciprocal is that of 1 + a to a few units in 31 bits") {
  double worst = 0;
  for (int64_t a = 0; a < int64_t{1} << 31; a += 65521) {
    const double exact = 2147483648.0 / (1.0 + static_cast<double>(a) / 2147483648.0);
    worst = std::fmax(worst, std::fabs(s8::ReciprocalOfOnePlus(static_cast<int32_t>(a)) - exact));
  }
  CHECK(worst < 32);
}

TEST_CASE("int8 softmax: by definition to one unit, whatever the scale and the number of columns") {
  Random random(8);
  for (double scale : {0.004, 0.05, 0.3, 2.0}) {
    const std::vector<int32_t> table = Table(scale, 256);
    for (size_t n : {1u, 2u, 10u, 300u, 700u}) {
      const std::vector<int8_t> x = Integers(random, 2 * n);
      std::vector<int8_t> y(x.size());
      s8::SoftmaxForward(2, uint32_t(n), {table.data(), 256}, x.data(), y.data());
      for (size_t row = 0; row < 2; ++row) {
        double sum = 0;
        for (size_t i = 0; i < n; ++i) sum += std::exp(scale * x[row * n + i]);
        for (size_t i = 0; i < n; ++i) {
          const double exact = 256 * std::exp(scale * x[row * n + i]) / sum - 128;
          REQUIRE(std::fabs(std::fmin(exact, 127) - y[row * n + i]) < 0.52);
        }
      }
    }
  }
}

TEST_CASE("int8 softmax: so many equal columns that each is less than half a unit, and in place") {
  const std::vector<int32_t> table = Table(0.1, 256);
  std::vector<int8_t> x(s8::kMaxSoftmaxColumns, 5);
  s8::SoftmaxForward(1, s8::kMaxSoftmaxColumns, {table.data(), 256}, x.data(), x.data());
  CHECK(x == std::vector<int8_t>(s8::kMaxSoftmaxColumns, -128));
}

TEST_CASE("int8 softmax: what the table does not have counts nothing") {
  const std::vector<int32_t> table = Table(1.0, 3);
  const std::vector<int8_t> x = {10, 8, 7, -128};
  std::vector<int8_t> y(4);
  s8::SoftmaxForward(1, 4, {table.data(), 3}, x.data(), y.data());
  CHECK(y == std::vector<int8_t>{97, -97, -128, -128});  // 256 / (1 + e^-2) = 225.5
}
