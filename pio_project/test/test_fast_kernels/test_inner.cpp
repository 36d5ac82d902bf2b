// The inner loops of every build that this target has, held to loops written down plainly.
#include <algorithm>
#include <limits>
#include <string>

#include "../test_kernels/kernel_testing.h"
#include "tflm_train/kernels/fast/inner_cortex_m.h"
#include "tflm_train/kernels/fast/inner_portable.h"

namespace tflm_train {
namespace testing {
namespace {

constexpr double kFastTolerance = 1e-6;
constexpr int32_t kLongest = 40;  // beyond every block size and its tails
constexpr float kGuard = 12345.0f;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Inner {
  const char* name;
  decltype(&portable::Axpy) axpy;
  decltype(&portable::SumsPatches) sums_patches;
  decltype(&portable::SumPatches) sum_patches;
  decltype(&portable::ScatterPixels) scatter_pixels;
  decltype(&portable::DotRows) dot_rows;
  decltype(&portable::UpdateRows) update_rows;
  decltype(&portable::MultiplyAdd) multiply_add;
  decltype(&portable::ConvTile1) conv_tile_1;
  decltype(&portable::ConvTile4) conv_tile_4;
  decltype(&portable::PoolTile) pool_tile;
  decltype(&portable::ConvPoolRow1) conv_pool_row_1;
  decltype(&portable::ConvPoolRow4) conv_pool_row_4;
  decltype(&portable::Clear) clear;
  decltype(&portable::CopyRows) copy_rows;
  decltype(&portable::AllFinite) all_finite;
  decltype(&portable::MaskRectified) mask_rectified;
};

const Inner kInners[] = {
    {"portable", portable::Axpy, portable::SumsPatches, portable::SumPatches, portable::ScatterPixels,
     portable::DotRows, portable::UpdateRows, portable::MultiplyAdd, portable::ConvTile1, portable::ConvTile4,
     portable::PoolTile, portable::ConvPoolRow1, portable::ConvPoolRow4, portable::Clear, portable::CopyRows,
     portable::AllFinite, portable::MaskRectified},
#if TFLM_TRAIN_HAS_CORTEX_M_FPU
    {"cortex_m", cortex_m::Axpy, cortex_m::SumsPatches, cortex_m::SumPatches, cortex_m::ScatterPixels,
     cortex_m::DotRows, cortex_m::UpdateRows, cortex_m::MultiplyAdd, cortex_m::ConvTile1, cortex_m::ConvTile4,
     cortex_m::PoolTile, cortex_m::ConvPoolRow1, cortex_m::ConvPoolRow4, cortex_m::Clear, cortex_m::CopyRows,
     cortex_m::AllFinite, cortex_m::MaskRectified},
#endif
};

/// A vector whose data begin `shift` floats behind the allocation, with guards on both sides.
class Shifted {
 public:
  Shifted(Random& random, size_t n, size_t shift) : values_(n + shift + 1, kGuard), shift_(shift) {
    for (size_t i = 0; i < n; ++i) values_[shift + i] = random.Uniform<float>();
  }
  float* data() { return values_.data() + shift_; }
  std::vector<float> Copy() const { return {values_.begin() + static_cast<ptrdiff_t>(shift_), values_.end() - 1}; }
  bool GuardsIntact() const {
    for (size_t i = 0; i < shift_; ++i) {
      if (values_[i] != kGuard) return false;
    }
    return values_.back() == kGuard;
  }

 private:
  std::vector<float> values_;
  size_t shift_;
};

double Worst(double worst, double now) { return now <= worst ? worst : now; }

TEST_CASE("Axpy adds scaled patches") {
  for (const Inner& inner : kInners) {
    Random random(1);
    double worst = 0;
    for (int32_t n = 0; n <= kLongest; ++n) {
      for (int32_t rows : {0, 1, 3, 4}) {
        for (int32_t jobs : {0, 1, 3}) {
          const int32_t x_stride = n + static_cast<int32_t>(random.Below(3));
          const int32_t y_stride = random.Below(2) == 0 ? n : n + 2;
          Shifted x(random, size_t(jobs * 4 * x_stride + 1), random.Below(4));
          Shifted y(random, size_t(jobs * 4 * y_stride + 1), random.Below(4));
          std::vector<float> expected = y.Copy();
          std::vector<AxpyJob> list(size_t(jobs) + 1);
          for (int32_t j = 0; j < jobs; ++j) {
            // the last job works on the patch of the first one again: jobs run in turn
            const int32_t at = j == 2 ? 0 : j;
            list[size_t(j)] = {random.Uniform<float>(), {x.data() + 4 * at * x_stride, y.data() + 4 * at * y_stride}};
            for (int32_t r = 0; r < rows; ++r) {
              for (int32_t i = 0; i < n; ++i) {
                expected[size_t((4 * at + r) * y_stride + i)] +=
                    list[size_t(j)].a * x.data()[(4 * at + r) * x_stride + i];
              }
            }
          }
          inner.axpy(list.data(), jobs, {{x_stride, y_stride}, n, rows});
          worst = Worst(worst, Measure(y.Copy(), expected));
          CHECK(y.GuardsIntact());
        }
      }
    }
    MESSAGE(std::string(inner.name) << ": largest difference " << worst);
    CHECK(worst <= kFastTolerance);
  }
}

TEST_CASE("sums of scaled patches") {
  for (const Inner& inner : kInners) {
    Random random(12);
    double worst = 0;
    for (int32_t n = 0; n <= kLongest; ++n) {
      for (int32_t rows : {0, 1, 3}) {
        for (int32_t count : {1, 2, 5}) {
          const int32_t x_stride = n + static_cast<int32_t>(random.Below(3));
          const int32_t y_stride = random.Below(2) == 0 ? n : n + 2;
          if (!inner.sums_patches({{x_stride, y_stride}, n, rows})) continue;
          Shifted x(random, size_t(rows * x_stride + count), random.Below(4));
          Shifted y(random, size_t(rows * y_stride), random.Below(4));
          std::vector<float> expected = y.Copy();
          std::vector<ScaledPatch> patches;
          for (int32_t k = 0; k < count; ++k) {  // patches may overlap
            patches.push_back({x.data() + k, random.Uniform<float>()});
            for (int32_t r = 0; r < rows; ++r) {
              for (int32_t i = 0; i < n; ++i) {
                expected[size_t(r * y_stride + i)] += patches.back().factor * patches.back().patch[r * x_stride + i];
              }
            }
          }
          inner.sum_patches(patches.data(), count, {{x_stride, y_stride}, n, rows}, y.data());
          worst = Worst(worst, Measure(y.Copy(), expected));
          CHECK(y.GuardsIntact());
        }
      }
    }
    MESSAGE(std::string(inner.name) << ": largest difference " << worst);
    CHECK(worst <= kFastTolerance);
  }
}

TEST_CASE("errors of pixels scatter patches") {
  constexpr int32_t kPixels = 3, kChannels = 3;
  constexpr int32_t kWidth = 60, kFilter = 75;  // elements of a row of the image, at most of a filter
  const int32_t offsets[PixelScatter::kOffsets] = {0, 4, kWidth, kWidth + 4};
  for (const Inner& inner : kInners) {
    Random random(13);
    double worst = 0;
    for (int32_t n : {0, 1, 3, 4, 11, 12, 13, 24}) {
      for (int32_t rows : {1, 3}) {
        for (int32_t filter_stride : {n, n + 1}) {
          for (int options = 0; options < 8; ++options) {
            const Side image_side = options % 2 == 0 ? kSource : kDestination;
            const int32_t filter = options < 4 ? rows * filter_stride : kFilter;
            Shifted image(random, 5 * kWidth, random.Below(4));
            Shifted filters(random, size_t(kChannels * kFilter), random.Below(4));
            Shifted& y = image_side == kSource ? filters : image;
            const bool zeros_too = options / 2 % 2 == 0;
            PixelScatter s = {{{}, n, rows},  image_side, -0.5f,   zeros_too, kChannels,
                              filters.data(), filter,     offsets, 8};
            s.shape.stride[image_side] = kWidth;
            s.shape.stride[1 - image_side] = filter_stride;
            std::vector<float> expected = y.Copy(), dy = random.Vector<float>(kPixels * kChannels);
            std::vector<uint8_t> winners(dy.size());
            for (size_t e = 0; e < dy.size(); ++e) {
              winners[e] = static_cast<uint8_t>(random.Below(256));
              if (random.Below(3) == 0) dy[e] = random.Below(2) == 0 ? 0.0f : -0.0f;
              const int32_t pixel = static_cast<int32_t>(e) / kChannels, channel = static_cast<int32_t>(e) % kChannels;
              for (int32_t r = 0; r < rows; ++r) {
                for (int32_t i = 0; i < n; ++i) {
                  const int32_t at[] = {pixel * 8 + offsets[winners[e] % PixelScatter::kOffsets] + r * kWidth + i,
                                        channel * filter + r * filter_stride + i};
                  const float x = image_side == kSource ? image.data()[at[0]] : filters.data()[at[1]];
                  expected[size_t(at[image_side == kSource ? 1 : 0])] += -0.5f * dy[e] * x;
                }
              }
            }
            inner.scatter_pixels(s, kPixels, dy.data(), winners.data(), image.data());
            worst = Worst(worst, Measure(y.Copy(), expected));
            CHECK((image.GuardsIntact() && filters.GuardsIntact()));
          }
        }
      }
    }
    MESSAGE(std::string(inner.name) << ": largest difference " << worst);
    CHECK(worst <= kFastTolerance);
  }
}

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

/// 2x2 outputs of 3x3 filters over four of `channels` channels, or over one.
std::vector<float> TileByDefinition(const float* patch, int32_t stride, const float* w, int32_t depth, int32_t channels,
                                    int32_t count, const std::vector<float>& start) {
  std::vector<float> sums = start;
  for (int32_t o = 0; o < count; ++o) {
    for (int32_t i = 0; i < 4; ++i) {
      for (int32_t u = 0; u < 3; ++u) {
        for (int32_t v = 0; v < 3; ++v) {
          for (int32_t c = 0; c < depth; ++c) {
            sums[size_t(4 * o + i)] +=
                patch[(i / 2 + u) * stride + (i % 2 + v) * depth + c] * w[((o * 3 + u) * 3 + v) * channels + c];
          }
        }
      }
    }
  }
  return sums;
}

TEST_CASE("tiles of a convolution, plain and pooled") {
  for (const Inner& inner : kInners) {
    Random random(4);
    double worst = 0;
    for (int32_t count : {0, 1, 2, 8, 9, 17}) {
      for (int32_t channels : {1, 4, 12}) {
        const int32_t depth = channels == 1 ? 1 : 4, stride = 4 * depth + static_cast<int32_t>(random.Below(3));
        Shifted patch(random, size_t(4 * stride), random.Below(4));
        Shifted w(random, size_t(9 * channels * count + 1), random.Below(4));
        const std::vector<float> bias = random.Vector<float>(size_t(count) + 1);
        std::vector<float> sums = random.Vector<float>(size_t(4 * count)), start = sums;
        if (depth == 1) {
          std::fill(start.begin(), start.end(), 0.0f);
          inner.conv_tile_1(patch.data(), stride, w.data(), count, sums.data());
        } else {
          inner.conv_tile_4(patch.data(), stride, w.data(), channels, count, sums.data());
        }
        worst = Worst(worst,
                      Measure(sums, TileByDefinition(patch.data(), stride, w.data(), depth, channels, count, start)));

        for (float low : {-1e30f, 0.0f}) {
          std::vector<float> largest(size_t(count) + 1, kGuard), y = largest;
          std::vector<uint8_t> position(size_t(count) + 1, 99), winners = position;
          for (size_t o = 0; o < size_t(count); ++o) {
            size_t best = 0;
            for (size_t i = 1; i < 4; ++i) {
              if (sums[4 * o + i] > sums[4 * o + best]) best = i;
            }
            largest[o] = std::fmax(sums[4 * o + best] + bias[o], low);
            position[o] = static_cast<uint8_t>(best);
          }
          inner.pool_tile(sums.data(), count, {bias.data(), low, y.data(), winners.data(), 0, 0});
          CHECK(SameBits(y, largest));
          CHECK(winners == position);
        }
      }
    }
    MESSAGE(std::string(inner.name) << ": largest difference " << worst);
    CHECK(worst <= kFastTolerance);
  }
}

TEST_CASE("rows of pooled tiles equal their tiles, convolved and pooled") {
  for (const Inner& inner : kInners) {
    Random random(6);
    for (int32_t count : {0, 1, 4, 9, 17}) {
      for (int32_t tiles : {0, 1, 3}) {
        for (int32_t depth : {1, 4}) {
          const int32_t stride = (2 * tiles + 2) * depth + static_cast<int32_t>(random.Below(3)), step = count + 2;
          Shifted strip(random, size_t(4 * stride), random.Below(4)),
              w(random, size_t(9 * depth * count), random.Below(4));
          const std::vector<float> bias = random.Vector<float>(size_t(count) + 1);
          std::vector<float> expected(size_t(tiles * step) + 1, -1.0f), y = expected, without = expected;
          std::vector<uint8_t> position(expected.size(), 99), winners = position;
          for (int32_t tile = 0; tile < tiles; ++tile) {
            std::vector<float> sums(size_t(4 * count) + 1, 0.0f);
            const float* patch = strip.data() + 2 * tile * depth;
            if (depth == 1) {
              inner.conv_tile_1(patch, stride, w.data(), count, sums.data());
            } else {
              inner.conv_tile_4(patch, stride, w.data(), 4, count, sums.data());
            }
            inner.pool_tile(sums.data(), count,
                            {bias.data(), 0.0f, expected.data() + tile * step, position.data() + tile * step, 0, 0});
          }
          const auto convolve = depth == 1 ? inner.conv_pool_row_1 : inner.conv_pool_row_4;
          std::vector<uint8_t> shared(size_t(step), 99);
          const PooledTiles to = {bias.data(), 0.0f, y.data(), winners.data(), step, step};
          convolve(strip.data(), stride, tiles, w.data(), count, to);
          convolve(strip.data(), stride, tiles, w.data(), count,
                   {bias.data(), 0.0f, without.data(), shared.data(), step, 0});
          // compilers may fuse other pairs of operations here than in tiles
          CHECK(Measure(y, expected) <= kFastTolerance);
          CHECK(SameBits(without, y));
          CHECK(winners == position);
          if (tiles > 0) CHECK(std::equal(shared.begin(), shared.end(), winners.begin() + (tiles - 1) * step));
        }
      }
    }
  }
}

TEST_CASE("the first of equal sums wins, NaN is passed on") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float bias[] = {0, 0, 0, 0};
  const float sums[] = {1, 1, 1, 1, -2, 3, 3, 0, nan, 5, 6, 7, -1, -2, -3, -1};
  for (const Inner& inner : kInners) {
    float y[4];
    uint8_t winners[4];
    inner.pool_tile(sums, 4, {bias, 0.0f, y, winners, 0, 0});
    CHECK((y[0] == 1.0f && winners[0] == 0));
    CHECK((y[1] == 3.0f && winners[1] == 1));
    CHECK(std::isnan(y[2]));
    CHECK(y[3] == 0.0f);
    inner.pool_tile(sums, 4, {bias, -1e30f, y, winners, 0, 0});
    CHECK((y[3] == -1.0f && winners[3] == 0));
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
