// Inner loops of tiles of convolutions, held to loops written down plainly.
#include <algorithm>

#include "inner_testing.h"

namespace tflm_train {
namespace testing {
namespace {

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

}  // namespace
}  // namespace testing
}  // namespace tflm_train
