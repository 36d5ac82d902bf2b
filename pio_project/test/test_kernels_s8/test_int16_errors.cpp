// Errors of 16-bit integers with one exponent: conversions, sums and rows, against exact arithmetic.
#include <cfloat>
#include <cmath>
#include <cstring>

#include "int8_testing.h"
#include "tflm_train/kernels/s8/int16_errors.h"

namespace tflm_train {
namespace testing {
namespace {

double Exact(int32_t value, int32_t exponent) { return std::ldexp(static_cast<double>(value), exponent); }

TEST_CASE("integers are nearest to floats of any size, also in their own memory") {
  Random random(1);
  for (const int32_t size : {-140, -126, -60, 0, 60, 120}) {
    std::vector<float> floats(37);
    for (float& value : floats) value = std::ldexp(random.Uniform<float>(), size);
    floats[3] = 0.0f;
    std::vector<int16_t> integers(floats.size());
    const int32_t exponent = ErrorsFromFloats(floats.data(), 37, integers.data());
    uint32_t all = Magnitudes(integers.data(), 37);
    CHECK(MagnitudeBits(all) == 15);
    for (size_t i = 0; i < floats.size(); ++i) {
      CHECK(std::fabs(Exact(integers[i], exponent) - double(floats[i])) <= std::ldexp(0.5001, exponent));
    }
    std::vector<float> back(37, 1.0f);
    FloatsFromErrors(integers.data(), exponent, 37, false, back.data());
    for (size_t i = 0; i < back.size(); ++i) CHECK(double(back[i]) == Exact(integers[i], exponent));
    std::vector<float> own = floats;
    auto* const inside = reinterpret_cast<int16_t*>(own.data());
    CHECK(ErrorsFromFloats(own.data(), 37, inside) == exponent);
    CHECK(std::memcmp(inside, integers.data(), 37 * sizeof(int16_t)) == 0);
  }
  const float zeros[2] = {0.0f, -0.0f};
  int16_t none[2] = {1, 1};
  CHECK(ErrorsFromFloats(zeros, 2, none) == 0);
  CHECK((none[0] == 0 && none[1] == 0));
  const float largest[2] = {FLT_MAX, -FLT_MAX};
  CHECK(ErrorsFromFloats(largest, 2, none) == 113);
  CHECK((none[0] == 32767 && none[1] == -32768));
}

TEST_CASE("folding keeps errors below their bound for every shift") {
  for (int32_t shift = -kErrorBits; shift <= kErrorBits; ++shift) {
    const int32_t most = shift < 0 ? INT16_MAX >> -shift : INT16_MAX;
    int16_t values[] = {static_cast<int16_t>(most), static_cast<int16_t>(-most), 0, 1};
    const int32_t ratios[] = {32767, 32767, 1, 1 << 14};
    FoldErrors(ratios, 1, 4, shift, values, 4);
    const int32_t bound = shift > 0 ? 1 << (kErrorBits - shift) : 1 << kErrorBits;
    CHECK((values[0] <= bound && values[1] >= -bound && values[2] == 0));
    const double exact = most * 32767 / std::ldexp(1.0, kErrorBits + shift);
    CHECK(std::fabs(values[0] - exact) <= 0.5);
  }
}

/// Rows of sums, some of which make the exponent grow, onto zeros or onto an error.
void CheckRows(Random& random, bool adds, int32_t old_exponent) {
  constexpr uint32_t kRow = 7, kRows = 9, kAll = kRow * kRows;
  const int32_t unit = -20;
  std::vector<int16_t> values = Integers<int16_t>(random, kAll, -32768, 32767);
  const std::vector<int16_t> old = values;
  std::vector<int32_t> sums(kAll);
  for (uint32_t i = 0; i < kAll; ++i) {
    const auto bits = static_cast<int32_t>(random.Below(2) == 0 ? 12 : 3 * (i / kRow) + 4);
    sums[i] = static_cast<int32_t>(random.Below(1u << bits)) - (1 << (bits - 1));
  }
  sums[kAll - 1] = random.Below(2) == 0 ? INT32_MIN : INT32_MAX;
  int32_t exponent = old_exponent;
  {
    ErrorRows rows(values.data(), kAll, &exponent, adds, unit);
    for (uint32_t at = 0; at < kAll; at += kRow) rows.Put(at, sums.data() + at, kRow);
  }
  double largest = 0.0;
  for (uint32_t i = 0; i < kAll; ++i) {
    const double exact = Exact(sums[i], unit) + (adds ? Exact(old[i], old_exponent) : 0.0);
    largest = std::fmax(largest, std::fabs(exact));
    // half for each rounding that matters: of the sum and of what was there, each shifted again as others grow
    CHECK(std::fabs(Exact(values[i], exponent) - exact) <= std::ldexp(adds ? 2.0 : 1.01, exponent));
  }
  CHECK(largest >= std::ldexp(adds ? 0.124 : 0.249, exponent + 16));  // no bit is given away but for carries
}

TEST_CASE("rows of sums share the least exponent that holds them") {
  Random random(2);
  for (int i = 0; i < 50; ++i) {
    CheckRows(random, false, 99);
    for (const int32_t old_exponent : {-60, -24, -20, -13, -6, 0, 11}) CheckRows(random, true, old_exponent);
  }
}

TEST_CASE("sums of 32 bits do not wrap onto a large error") {
  int16_t values[2] = {INT16_MAX, INT16_MIN};
  int32_t exponent = 0;
  const int32_t sums[2] = {INT32_MAX, INT32_MIN};
  {
    ErrorRows rows(values, 2, &exponent, true, 0);
    rows.Put(0, sums, 2);
  }
  CHECK(Exact(values[0], exponent) == doctest::Approx(double(INT32_MAX) + 32767).epsilon(1e-4));
  CHECK(Exact(values[1], exponent) == doctest::Approx(double(INT32_MIN) - 32768).epsilon(1e-4));
}

TEST_CASE("errors that meet in an element are summed without overflow") {
  Random random(3);
  for (uint32_t terms = 1; terms <= 9; ++terms) {
    for (const int32_t old_exponent : {-40, -3, 0, 2, 25}) {
      for (const bool adds : {false, true}) {
        std::vector<int16_t> values = Integers<int16_t>(random, 5, -32768, 32767);
        const std::vector<int16_t> old = values;
        const std::vector<int16_t> others = Integers<int16_t>(random, 5 * terms, -32768, 32767);
        int32_t exponent = old_exponent;
        const ErrorSum sum(values.data(), 5, &exponent, adds, Magnitudes(others.data(), 5 * terms), 1, terms);
        for (uint32_t i = 0; i < 5 * terms; ++i) sum.Add(i % 5, others[i]);
        for (uint32_t i = 0; i < 5; ++i) {
          double exact = adds ? Exact(old[i], old_exponent) : 0.0;
          for (uint32_t t = 0; t < terms; ++t) exact += Exact(others[i + 5 * t], 1);
          CHECK(std::fabs(Exact(values[i], exponent) - exact) <= std::ldexp(0.5 * (terms + 2), exponent));
        }
      }
    }
  }
}

TEST_CASE("zeros change nothing") {
  int16_t values[2] = {5, -7};
  int32_t exponent = -3;
  const int16_t zeros[2] = {0, 0};
  const ErrorSum sum(values, 2, &exponent, true, 0, 40, 1);
  for (uint32_t i = 0; i < 2; ++i) sum.Add(i, zeros[i]);
  CHECK((Exact(values[0], exponent) == 5.0 / 8 && Exact(values[1], exponent) == -7.0 / 8));
}

}  // namespace
}  // namespace testing
}  // namespace tflm_train
