// Updates of int8 weights with remainders: rounding by definition, and every build of the loop the same bits.
#include "fast_s8_testing.h"
#include "tflm_train/kernels/s8/rounding.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

/// 256 * value + remainder after a step, in 1/256, by definition: the sum in a wide type, limited.
int32_t Expected(int32_t joined, float parts) {
  const double step = std::isnan(parts) ? 0.0 : std::floor(static_cast<double>(parts) + 0.5);
  return static_cast<int32_t>(std::fmin(32639.0, std::fmax(-32640.0, joined + step)));
}

int32_t Join(int8_t value, int8_t remainder) { return 256 * value + remainder; }

}  // namespace

TEST_CASE("integers round half up, also where half a unit more is rounded itself") {
  CHECK(RoundHalfUp<int8_t>(0.49999997f) == 0);
  CHECK(RoundHalfUp<int8_t>(0.5f) == 1);
  CHECK(RoundHalfUp<int8_t>(-0.5f) == 0);
  CHECK(RoundHalfUp<int8_t>(-0.50000006f) == -1);
  CHECK(RoundHalfUp<int8_t>(-1.5f) == -1);
  CHECK(RoundHalfUp<int8_t>(2.5f) == 3);
  CHECK(RoundHalfUp<int8_t>(8388609.0f) == 8388609);
  CHECK(RoundHalfUp<int8_t>(std::nanf("")) == 0);
  CHECK(RoundHalfUp<int8_t>(1e30f) == 1 << 30);
  CHECK(RoundHalfUp<int32_t>(-1e30f) == -(int64_t{1} << 62));
}

TEST_CASE("int8 weights with remainders: every joined number and step of any size, by definition") {
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    Random random(11);
    int wrong = 0;
    const float steps[] = {0.0f,      -0.0f,    0.5f,      0.49999997f, -0.5f,     -0.50000006f, 1.5f,     -1.5f,
                           255.5f,    -256.0f,  32639.0f,  -32640.0f,   32512.49f, 32767.5f,     33023.5f, -32512.5f,
                           -32768.0f, 65279.0f, -65279.0f, 65280.5f,    -7e4f,     1e-40f,       -1e-40f,  3e9f,
                           -3e9f,     1e38f,    -1e38f,    0.25f,       INFINITY,  -INFINITY,    NAN};
    for (const float step : steps) {
      constexpr size_t kCount = 67;  // sixteens, fours and a rest
      std::vector<float> gradient(kCount, step);
      for (int32_t first = -32640; first <= 32639; first += 61 * kCount / 7) {
        std::vector<int8_t> values(kCount), remainders(kCount);
        std::vector<int32_t> expected(kCount);
        for (size_t i = 0; i < kCount; ++i) {
          const int32_t joined = std::min<int32_t>(32639, first + 9 * static_cast<int32_t>(i));
          values[i] = static_cast<int8_t>((joined + 128) >> 8);
          remainders[i] = static_cast<int8_t>(joined - 256 * values[i]);
          expected[i] = Expected(joined, step);
        }
        inner.add_to_masters(1.0f, gradient.data(), kCount, values.data(), remainders.data());
        for (size_t i = 0; i < kCount; ++i) wrong += Join(values[i], remainders[i]) != expected[i];
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("int8 weights with remainders: the plain rule's bits, any length, address and factor") {
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    Random random(12);
    for (size_t n = 0; n <= 70; ++n) {
      for (const float factor : {1.0f, -0.37f, 300.0f, -70000.0f}) {
        const size_t shift = random.Below(4);
        Bytes values(random, n, shift, -127), remainders(random, n, 3 - shift);
        std::vector<float> gradient(n);
        for (float& value : gradient) value = random.Uniform<float>();
        if (n > 0 && random.Below(3) == 0) gradient[random.Below(uint32_t(n))] *= 1e6f;
        std::vector<int8_t> expected = values.Copy(), expected_remainders = remainders.Copy();
        for (size_t i = 0; i < n; ++i) {
          volatile const float parts = factor * gradient[i];  // a product that is rounded
          AddToMaster<int8_t>(RoundHalfUp<int8_t>(parts), 127, expected[i], expected_remainders[i]);
        }
        inner.add_to_masters(factor, gradient.data(), uint32_t(n), values.data(), remainders.data());
        CHECK(values.Copy() == expected);
        CHECK(remainders.Copy() == expected_remainders);
        CHECK(values.GuardsIntact());
        CHECK(remainders.GuardsIntact());
      }
    }
  }
}

TEST_CASE("int8 weights with remainders and sums of any size: by definition, any length, address and factor") {
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    Random random(15);
    for (int32_t shift = 20; shift <= 66; ++shift) {
      for (size_t n = 0; n <= 21; ++n) {
        const FixedFactor factor = RandomFixed(random, shift, shift);
        const size_t moved = random.Below(4);
        Bytes values(random, n, moved, random.Below(4) == 0 ? -128 : -127), remainders(random, n, 3 - moved);
        std::vector<int32_t> sums(n), expected(n);
        // most steps are no more than some thousand parts, where the whole row is small
        const int32_t bits =
            std::max<int32_t>(1, std::min<int32_t>(31, shift - 31 + static_cast<int32_t>(random.Below(18)) - 4));
        for (size_t i = 0; i < n; ++i) {
          sums[i] = static_cast<int32_t>(random.Next() << 8 ^ random.Next()) >> (31 - bits);
          if (random.Below(20) == 0) sums[i] = random.Below(2) == 0 ? INT32_MIN : INT32_MAX >> (31 - bits);
          if (random.Below(5) == 0) values.data()[i] = random.Below(2) == 0 ? 127 : -127;
          const int64_t product = int64_t{sums[i]} * factor.multiplier;
          int64_t step = 0;
          if (shift <= 61) step = FloorDivide(product + (int64_t{1} << (shift - 1)), int64_t{1} << shift);
          if (shift == 62) step = FloorDivide(FloorDivide(product, 2) + (int64_t{1} << 60), int64_t{1} << 61);
          const int64_t joined = Join(values.data()[i], remainders.data()[i]) + step;
          expected[i] = static_cast<int32_t>(std::min<int64_t>(32639, std::max<int64_t>(-32640, joined)));
        }
        inner.add_sums_to_masters(factor, sums.data(), uint32_t(n), values.data(), remainders.data());
        int wrong = 0;
        for (size_t i = 0; i < n; ++i) wrong += Join(values.data()[i], remainders.data()[i]) != expected[i];
        CHECK(wrong == 0);
        CHECK(values.GuardsIntact());
        CHECK(remainders.GuardsIntact());
      }
    }
  }
}

TEST_CASE("int8 weights with remainders and products: every input, number and size of step, by definition") {
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    Random random(13);
    int wrong = 0;
    for (int32_t shift = 20; shift <= 45; ++shift) {  // steps beyond all weights, of some parts, of none
      for (const int32_t bits : {1 << 23, (1 << 24) - 1, 0xb50f31, 0x800001, -(1 << 23), -0xffffff, -0x9a8271}) {
        const FixedFactor factor = {bits * 128, shift};
        constexpr size_t kCount = 511;  // sixteens, fours and a rest; all inputs
        std::vector<int16_t> x(kCount);
        std::vector<int8_t> values(kCount), remainders(kCount);
        std::vector<int32_t> expected(kCount);
        for (size_t i = 0; i < kCount; ++i) {
          x[i] = static_cast<int16_t>(static_cast<int32_t>(i) - 255);
          // mostly near an end, where numbers saturate
          int32_t joined = static_cast<int32_t>(random.Below(65280)) - 32640;
          if (random.Below(2) == 0) joined = joined % 300 + (joined > 0 ? 32339 : -32340);
          values[i] = static_cast<int8_t>((joined + 128) >> 8);
          remainders[i] = static_cast<int8_t>(joined - 256 * values[i]);
          const int64_t product = int64_t{x[i]} * factor.multiplier;
          const int64_t step = FloorDivide(product + (int64_t{1} << (shift - 1)), int64_t{1} << shift);
          expected[i] = static_cast<int32_t>(std::min<int64_t>(32639, std::max<int64_t>(-32640, joined + step)));
        }
        inner.add_products_to_masters(factor, x.data(), kCount, values.data(), remainders.data());
        for (size_t i = 0; i < kCount; ++i) wrong += Join(values[i], remainders[i]) != expected[i];
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("int8 weights with remainders and products: any length and address, -128 of a file") {
  for (const InnerS8& inner : kInnersS8) {
    CAPTURE(inner.name);
    Random random(14);
    for (size_t n = 0; n <= 70; ++n) {
      for (const int32_t shift : {5, 24, 25, 31, 32, 35, 39, 40}) {
        FixedFactor factor = RandomFixed(random, shift, shift);
        factor = WithFloatPrecision(factor);
        const size_t moved = random.Below(4);
        const int32_t zero = static_cast<int32_t>(random.Below(256)) - 128;
        Bytes input(random, n, moved), values(random, n, 3 - moved), remainders(random, n, moved);
        std::vector<int16_t> x(n + 1, 4242);
        inner.shift(input.data(), uint32_t(n), zero, x.data());
        CHECK(x[n] == 4242);
        std::vector<int8_t> expected = values.Copy(), expected_remainders = remainders.Copy();
        int wrong = 0;
        for (size_t i = 0; i < n; ++i) {
          wrong += x[i] != input.data()[i] - zero;
          AddToMaster<int8_t>(ScaleHalfUp<int8_t>(x[i], factor), 127, expected[i], expected_remainders[i]);
        }
        inner.add_products_to_masters(factor, x.data(), uint32_t(n), values.data(), remainders.data());
        CHECK(wrong == 0);
        CHECK(values.Copy() == expected);
        CHECK(remainders.Copy() == expected_remainders);
        CHECK(values.GuardsIntact());
        CHECK(remainders.GuardsIntact());
      }
    }
  }
}
