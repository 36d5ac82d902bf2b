// Inner loops of dense layers, held to loops written down plainly.
#include "inner_testing.h"

namespace tflm_train {
namespace testing {
namespace {

TEST_CASE("dot products of rows") {
  for (const Inner& inner : kInners) {
    Random random(2);
    double worst = 0;
    for (int32_t n = 0; n <= kLongest; ++n) {
      for (int32_t rows = 0; rows <= 9; ++rows) {
        const int32_t stride = n + static_cast<int32_t>(random.Below(3));
        Shifted x(random, size_t(n), random.Below(4)), w(random, size_t(rows * stride), random.Below(4));
        Shifted sums(random, size_t(rows), random.Below(4));
        // no small differences of large terms: a change of order must not show in a single sum
        for (int32_t i = 0; i < n; ++i) x.data()[i] = std::fabs(x.data()[i]);
        for (int32_t i = 0; i < rows * stride; ++i) w.data()[i] += 0.5f;
        for (int32_t r = 0; r < rows; ++r) sums.data()[r] = std::fabs(sums.data()[r]);
        for (int32_t r = 1; r < rows; r += 2) {  // negative sums
          for (int32_t i = 0; i < n; ++i) w.data()[r * stride + i] *= -1.0f;
          sums.data()[r] *= -1.0f;
        }
        std::vector<float> expected = sums.Copy();
        for (int32_t r = 0; r < rows; ++r) {
          for (int32_t i = 0; i < n; ++i) expected[size_t(r)] += x.data()[i] * w.data()[r * stride + i];
        }
        Shifted rectified(random, size_t(rows), random.Below(4));
        inner.dot_rows(x.data(), w.data(), stride, n, rows, sums.data(), true, rectified.data());
        inner.dot_rows(x.data(), w.data(), stride, n, rows, sums.data(), false, sums.data());
        worst = Worst(worst, Measure(sums.Copy(), expected));
        CHECK(sums.GuardsIntact());
        for (float& value : expected) value = std::fmax(value, 0.0f);
        worst = Worst(worst, Measure(rectified.Copy(), expected));
        CHECK(rectified.GuardsIntact());
      }
    }
    MESSAGE(std::string(inner.name) << ": largest difference " << worst);
    CHECK(worst <= kFastTolerance);
  }
}

TEST_CASE("a NaN among the products of a row stays one, whatever its sign") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Inner& inner : kInners) {
    for (float bad : {nan, -nan}) {
      for (int32_t row = 0; row < 6; ++row) {
        const float x[] = {1.0f, -1.0f}, start[6] = {2.0f, -2.0f, 1.0f, -1.0f, -kInfinity, kInfinity};
        float w[6][2] = {}, y[6];
        w[row][0] = bad;
        inner.dot_rows(x, w[0], 2, 2, 6, start, true, y);
        for (int32_t i = 0; i < 6; ++i) CHECK((i == row ? std::isnan(y[i]) : y[i] == std::fmax(start[i], 0.0f)));
      }
    }
  }
}

TEST_CASE("selected rows of a dense layer") {
  for (const Inner& inner : kInners) {
    Random random(3);
    double worst = 0;
    for (uint32_t count : {0u, 1u, 3u, 4u, 7u, 32u, 33u, 70u, 101u}) {
      for (int32_t n : {1, 3, 4, 7, 8, 12, 13, 16, 20, 31, 36}) {
        std::vector<float> dy = random.Vector<float>(count);
        const uint32_t rarity = 1 + random.Below(4);  // one of so many errors is not zero
        for (float& value : dy) {
          if (random.Below(rarity) != 0) value = random.Below(2) == 0 ? 0.0f : -0.0f;
        }
        for (bool zeros_too : {true, false}) {
          const size_t elements = count * size_t(n);
          Shifted x(random, size_t(n), random.Below(4)), dx(random, size_t(n), random.Below(4));
          Shifted added(random, elements, random.Below(4)), updated(random, elements, random.Below(4));
          Shifted bias(random, count, random.Below(4));
          std::vector<float> new_added = added.Copy(), new_updated = updated.Copy(), new_dx = dx.Copy();
          std::vector<float> new_bias = bias.Copy();
          for (uint32_t row = 0; row < count; ++row) {
            if (dy[row] == 0.0f && !zeros_too) continue;
            new_bias[row] += -0.5f * dy[row];
            for (size_t i = 0; i < size_t(n); ++i) {
              const size_t at = row * size_t(n) + i;
              new_added[at] += -0.5f * dy[row] * x.data()[i];
              new_dx[i] += dy[row] * new_updated[at];
              new_updated[at] += -0.5f * dy[row] * x.data()[i];
            }
          }
          const bool first = random.Below(2) == 0;  // the other one has no bias
          inner.update_rows(zeros_too, dy.data(), count, -0.5f, x.data(), added.data(), first ? bias.data() : nullptr,
                            nullptr, n);
          inner.update_rows(zeros_too, dy.data(), count, -0.5f, x.data(), updated.data(), first ? nullptr : bias.data(),
                            dx.data(), n);
          worst = Worst(worst, Measure(added.Copy(), new_added));
          worst = Worst(worst, Measure(updated.Copy(), new_updated));
          worst = Worst(worst, Measure(dx.Copy(), new_dx));
          worst = Worst(worst, Measure(bias.Copy(), new_bias));
          CHECK((added.GuardsIntact() && updated.GuardsIntact() && dx.GuardsIntact() && bias.GuardsIntact()));
        }
      }
    }
    MESSAGE(std::string(inner.name) << ": largest difference " << worst);
    CHECK(worst <= kFastTolerance);
  }
}

}  // namespace
}  // namespace testing
}  // namespace tflm_train
