// Tiles of a 3x3 convolution, alone and with the max-pool behind them.
#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/inner_portable.h"

namespace tflm_train {
namespace portable {
namespace {

/// Sums of 2x2 outputs, row-major.
struct Tile {
  float s0, s1, s2, s3;

  Tile() {}
  explicit Tile(const float* sums) : s0(sums[0]), s1(sums[1]), s2(sums[2]), s3(sums[3]) {}
  void Store(float* sums) const {
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
  }
  TFLM_TRAIN_ALWAYS_INLINE void Tap(float weight, float p, float right, float below, float diagonal) {
    s0 += p * weight;
    s1 += right * weight;
    s2 += below * weight;
    s3 += diagonal * weight;
  }
  /// The first tap of new sums.
  TFLM_TRAIN_ALWAYS_INLINE void Begin(float weight, float p, float right, float below, float diagonal) {
    s0 = p * weight;
    s1 = right * weight;
    s2 = below * weight;
    s3 = diagonal * weight;
  }
};

/// One channel of a patch of 4x4 inputs: named, so that it can stay in registers.
struct Patch {
  float a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3;

  TFLM_TRAIN_ALWAYS_INLINE Patch(const float* __restrict row, int32_t row_stride, int32_t step) {
    a0 = row[0], a1 = row[step], a2 = row[2 * step], a3 = row[3 * step];
    row += row_stride;
    b0 = row[0], b1 = row[step], b2 = row[2 * step], b3 = row[3 * step];
    row += row_stride;
    c0 = row[0], c1 = row[step], c2 = row[2 * step], c3 = row[3 * step];
    row += row_stride;
    d0 = row[0], d1 = row[step], d2 = row[2 * step], d3 = row[3 * step];
  }
  /// Adds the nine taps of the filter whose weights are `step` apart.
  TFLM_TRAIN_ALWAYS_INLINE void Convolve(const float* __restrict w, int32_t step, Tile& tile) const {
    tile.Tap(*w, a0, a1, b0, b1);
    AddOtherTaps(w, step, tile);
  }
  /// The same for new sums.
  TFLM_TRAIN_ALWAYS_INLINE void BeginConvolve(const float* __restrict w, int32_t step, Tile& tile) const {
    tile.Begin(*w, a0, a1, b0, b1);
    AddOtherTaps(w, step, tile);
  }

 private:
  TFLM_TRAIN_ALWAYS_INLINE void AddOtherTaps(const float* __restrict w, int32_t step, Tile& tile) const {
    w += step;
    tile.Tap(*w, a1, a2, b1, b2);
    w += step;
    tile.Tap(*w, a2, a3, b2, b3);
    w += step;
    tile.Tap(*w, b0, b1, c0, c1);
    w += step;
    tile.Tap(*w, b1, b2, c1, c2);
    w += step;
    tile.Tap(*w, b2, b3, c2, c3);
    w += step;
    tile.Tap(*w, c0, c1, d0, d1);
    w += step;
    tile.Tap(*w, c1, c2, d1, d2);
    w += step;
    tile.Tap(*w, c2, c3, d2, d3);
  }
};

TFLM_TRAIN_ALWAYS_INLINE inline void Pool(const Tile& tile, float bias, float low, float* y, uint8_t* winner) {
  float best = tile.s0;
  uint8_t position = 0;
  if (tile.s1 > best) {
    best = tile.s1;
    position = 1;
  }
  if (tile.s2 > best) {
    best = tile.s2;
    position = 2;
  }
  if (tile.s3 > best) {
    best = tile.s3;
    position = 3;
  }
  best += bias;
  *y = best < low ? low : best;
  *winner = position;
}

}  // namespace

void ConvTile1(const float* patch, int32_t patch_stride, const float* w, int32_t count, float* sums) {
  const Patch values(patch, patch_stride, 1);
  for (; count > 0; --count, w += 9, sums += 4) {
    Tile tile;
    values.BeginConvolve(w, 1, tile);
    tile.Store(sums);
  }
}

void ConvTile4(const float* patch, int32_t patch_stride, const float* w, int32_t channels, int32_t count, float* sums) {
  const int32_t filter = 9 * channels;
  for (int32_t c = 0; c < 4; ++c) {
    const Patch values(patch + c, patch_stride, 4);
    const float* weights = w + c;
    float* out = sums;
    for (int32_t left = count; left > 0; --left, weights += filter, out += 4) {
      Tile tile(out);
      values.Convolve(weights, channels, tile);
      tile.Store(out);
    }
  }
}

void PoolTile(const float* sums, int32_t count, const PooledTiles& to) {
  for (int32_t c = 0; c < count; ++c, sums += 4) Pool(Tile(sums), to.bias[c], to.low, to.y + c, to.winners + c);
}

void ConvPoolRow1(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count,
                  const PooledTiles& to) {
  const float* const bias = to.bias;
  const float low = to.low;
  float* y = to.y;
  uint8_t* winners = to.winners;
  for (; tiles > 0; --tiles, strip += 2, y += to.y_step, winners += to.winners_step) {
    const Patch values(strip, stride, 1);
    const float* filter = w;
    for (int32_t c = 0; c < count; ++c, filter += 9) {
      Tile tile;
      values.BeginConvolve(filter, 1, tile);
      Pool(tile, bias[c], low, y + c, winners + c);
    }
  }
}

void ConvPoolRow4(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count,
                  const PooledTiles& to) {
  constexpr int32_t kFilter = 36, kDepth = 4;
  const float* const bias = to.bias;
  const float low = to.low;
  float* y = to.y;
  uint8_t* winners = to.winners;
  for (; tiles > 0; --tiles, strip += 2 * kDepth, y += to.y_step, winners += to.winners_step) {
    const float* filter = w;
    int32_t c = 0;
    for (; c + 2 <= count; c += 2, filter += 2 * kFilter) {  // two filters per load of the patch
      Tile first, second;
      const Patch begin(strip, stride, kDepth);
      begin.BeginConvolve(filter, kDepth, first);
      begin.BeginConvolve(filter + kFilter, kDepth, second);
      for (int32_t channel = 1; channel < kDepth; ++channel) {
        const Patch values(strip + channel, stride, kDepth);
        values.Convolve(filter + channel, kDepth, first);
        values.Convolve(filter + channel + kFilter, kDepth, second);
      }
      Pool(first, bias[c], low, y + c, winners + c);
      Pool(second, bias[c + 1], low, y + c + 1, winners + c + 1);
    }
    if (c < count) {
      Tile tile;
      Patch(strip, stride, kDepth).BeginConvolve(filter, kDepth, tile);
      for (int32_t channel = 1; channel < kDepth; ++channel) {
        Patch(strip + channel, stride, kDepth).Convolve(filter + channel, kDepth, tile);
      }
      Pool(tile, bias[c], low, y + c, winners + c);
    }
  }
}

}  // namespace portable
}  // namespace tflm_train
