// Inner loops over vectors, held to loops written down plainly.
#include "inner_testing.h"

namespace tflm_train {
namespace testing {
namespace {

TEST_CASE("products of vectors") {
  for (const Inner& inner : kInners) {
    Random random(9);
    for (int32_t n = 1; n <= kLongest; ++n) {
      Shifted a(random, size_t(n), random.Below(4)), b(random, size_t(n), random.Below(4));
      Shifted y(random, size_t(n), random.Below(4));
      std::vector<float> expected = y.Copy();
      for (size_t i = 0; i < size_t(n); ++i) expected[i] += a.data()[i] * b.data()[i];
      inner.multiply_add(a.data(), b.data(), y.data(), n);
      CHECK(Measure(y.Copy(), expected) <= kFastTolerance);
      CHECK(y.GuardsIntact());
    }
  }
}

TEST_CASE("clearing and copying stop where they should") {
  for (const Inner& inner : kInners) {
    Random random(5);
    for (uint32_t n = 0; n <= 70; ++n) {
      Shifted x(random, n, n % 4);
      inner.clear(x.data(), n);
      CHECK(x.Copy() == std::vector<float>(n, 0.0f));
      Shifted from(random, n, random.Below(4));
      inner.copy_rows(from.data(), 0, x.data(), 0, static_cast<int32_t>(n), 1);
      CHECK(x.Copy() == from.Copy());
      if (n < 3) continue;
      Shifted two(random, 2 * n, random.Below(4));  // rows of n - 2 from a matrix with rows of n - 1
      std::vector<float> expected = two.Copy();
      for (size_t i = 0; i < n - 2; ++i) {
        expected[i] = from.data()[i];
        expected[n + i] = from.data()[(n > 3 ? 1 : 0) + i];
      }
      inner.copy_rows(from.data(), n > 3 ? 1 : 0, two.data(), static_cast<int32_t>(n), static_cast<int32_t>(n) - 2, 2);
      CHECK(two.Copy() == expected);
      CHECK(two.GuardsIntact());
      CHECK(x.GuardsIntact());
    }
  }
}

TEST_CASE("NaN and infinity are found wherever they are") {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
  const float extremes[] = {std::numeric_limits<float>::max(), -std::numeric_limits<float>::max(), -0.0f,
                            std::numeric_limits<float>::denorm_min()};
  for (const Inner& inner : kInners) {
    Random random(7);
    for (uint32_t n = 0; n <= 30; ++n) {
      Shifted x(random, n, n % 4);
      for (uint32_t i = 0; i < n; ++i) x.data()[i] = extremes[i % 4];
      CHECK(inner.all_finite(x.data(), n));
      for (uint32_t i = 0; i < n; ++i) {
        const float kept = x.data()[i];
        for (float value : bad) {
          x.data()[i] = value;
          CHECK_FALSE(inner.all_finite(x.data(), n));
        }
        x.data()[i] = kept;
      }
    }
  }
}

TEST_CASE("masks of rectified values") {
  for (const Inner& inner : kInners) {
    Random random(8);
    for (int32_t n = 0; n <= 21; ++n) {
      Shifted y(random, size_t(n), random.Below(4)), dy(random, size_t(n), random.Below(4));
      if (n > 0) y.data()[0] = -0.0f;
      if (n > 2) y.data()[n / 2] = std::numeric_limits<float>::quiet_NaN();
      std::vector<float> masked = dy.Copy();
      for (size_t i = 0; i < masked.size(); ++i) {
        if (y.data()[i] <= 0.0f) masked[i] = 0.0f;
      }
      inner.mask_rectified(y.data(), dy.data(), static_cast<uint32_t>(n));
      CHECK(dy.Copy() == masked);
      CHECK(dy.GuardsIntact());
    }
  }
}

}  // namespace
}  // namespace testing
}  // namespace tflm_train
