#include "tflm_train/kernels/fast/inner_portable.h"

#include <cstring>

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/selected_rows.h"

namespace tflm_train {
namespace portable {

namespace {

/// A row of four elements.
TFLM_TRAIN_ALWAYS_INLINE inline void AddFour(float a, const float* __restrict x, float* __restrict y) {
  const float x0 = x[0], x1 = x[1], x2 = x[2], x3 = x[3];
  y[0] += a * x0;
  y[1] += a * x1;
  y[2] += a * x2;
  y[3] += a * x3;
}

/// y += a * x over n
TFLM_TRAIN_ALWAYS_INLINE inline void AddScaled(float a, const float* __restrict x, float* __restrict y, int32_t n) {
  for (; n >= 8; n -= 8, x += 8, y += 8) {
    AddFour(a, x, y);
    AddFour(a, x + 4, y + 4);
  }
  if (n >= 4) {
    AddFour(a, x, y);
    n -= 4, x += 4, y += 4;
  }
  for (; n > 0; --n) *y++ += a * *x++;
}

TFLM_TRAIN_ALWAYS_INLINE inline void AddPatch(float a, const float* x, float* y, const AxpyShape& shape) {
  for (int32_t rows = shape.rows; rows > 0; --rows, x += shape.stride[kSource], y += shape.stride[kDestination]) {
    AddScaled(a, x, y, shape.n);
  }
}

/// Three rows, as of a 3x3 filter over four channels and over one: known sizes need no loop.
struct Patch12 {
  TFLM_TRAIN_ALWAYS_INLINE static void Add(float a, const float* x, float* y, const AxpyShape& shape) {
    const int32_t x_stride = shape.stride[kSource], y_stride = shape.stride[kDestination];
    for (int32_t rows = 3; rows > 0; --rows, x += x_stride, y += y_stride) {
      AddFour(a, x, y);
      AddFour(a, x + 4, y + 4);
      AddFour(a, x + 8, y + 8);
    }
  }
};
struct Patch3 {
  TFLM_TRAIN_ALWAYS_INLINE static void Add(float a, const float* x, float* y, const AxpyShape& shape) {
    const int32_t x_stride = shape.stride[kSource], y_stride = shape.stride[kDestination];
    for (int32_t rows = 3; rows > 0; --rows, x += x_stride, y += y_stride) {
      const float x0 = x[0], x1 = x[1], x2 = x[2];
      y[0] += a * x0;
      y[1] += a * x1;
      y[2] += a * x2;
    }
  }
};
struct AnyPatch {
  TFLM_TRAIN_ALWAYS_INLINE static void Add(float a, const float* x, float* y, const AxpyShape& shape) {
    AddPatch(a, x, y, shape);
  }
};

template <class Patch>
void ScatterPixelsOf(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  const bool to_image = s.image_side == kDestination, zeros_too = s.zeros_too;
  const float scale = s.scale;
  for (; pixels > 0; --pixels, image += s.pixel_step) {
    float* filter = s.filters;
    for (int32_t left = s.channels; left > 0; --left, ++dy, winners += s.winner_step, filter += s.filter) {
      if (!zeros_too && IsZero(dy)) continue;
      float* const patch = image + s.offsets[*winners % PixelScatter::kOffsets];
      Patch::Add(scale * *dy, to_image ? filter : patch, to_image ? patch : filter, s.shape);
    }
  }
}

/// The errors of one channel in up to kPixels pixels that go on, scaled, with their patches.
struct ChannelErrors {
  static constexpr int32_t kPixels = 16;
  int32_t count = 0;
  float error[kPixels];
  const float* patch[kPixels];

  TFLM_TRAIN_ALWAYS_INLINE ChannelErrors(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners,
                                         const float* image) {
    const int32_t channels = s.channels, winner_step = channels * static_cast<int32_t>(s.winner_step);
    const float scale = s.scale;
    int32_t found = 0;
    for (; pixels > 0; --pixels, dy += channels, winners += winner_step, image += s.pixel_step) {
      if (!s.zeros_too && IsZero(dy)) continue;
      error[found] = scale * *dy;
      patch[found++] = image + s.offsets[*winners % PixelScatter::kOffsets];
    }
    count = found;
  }
};

/// filter[row][0, 4) += the errors times their patches: the weights stay in registers for all errors.
TFLM_TRAIN_ALWAYS_INLINE inline void GatherFour(const ChannelErrors& errors, int32_t offset, float* filter) {
  float w0 = filter[0], w1 = filter[1], w2 = filter[2], w3 = filter[3];
  for (int32_t i = 0; i < errors.count; ++i) {
    const float* x = errors.patch[i] + offset;
    const float error = errors.error[i];
    w0 += error * x[0];
    w1 += error * x[1];
    w2 += error * x[2];
    w3 += error * x[3];
  }
  filter[0] = w0;
  filter[1] = w1;
  filter[2] = w2;
  filter[3] = w3;
}

/// Twelve elements of a filter at a time.
TFLM_TRAIN_ALWAYS_INLINE inline void GatherTwelve(const ChannelErrors& errors, int32_t offset, float* filter) {
  float w0 = filter[0], w1 = filter[1], w2 = filter[2], w3 = filter[3], w4 = filter[4], w5 = filter[5];
  float w6 = filter[6], w7 = filter[7], w8 = filter[8], w9 = filter[9], w10 = filter[10], w11 = filter[11];
  for (int32_t i = 0; i < errors.count; ++i) {
    const float* x = errors.patch[i] + offset;
    const float error = errors.error[i];
    w0 += error * x[0];
    w1 += error * x[1];
    w2 += error * x[2];
    w3 += error * x[3];
    w4 += error * x[4];
    w5 += error * x[5];
    w6 += error * x[6];
    w7 += error * x[7];
    w8 += error * x[8];
    w9 += error * x[9];
    w10 += error * x[10];
    w11 += error * x[11];
  }
  filter[0] = w0, filter[1] = w1, filter[2] = w2, filter[3] = w3, filter[4] = w4, filter[5] = w5;
  filter[6] = w6, filter[7] = w7, filter[8] = w8, filter[9] = w9, filter[10] = w10, filter[11] = w11;
}

/// All nine weights of a single-channel 3x3 filter.
TFLM_TRAIN_ALWAYS_INLINE inline void GatherNine(const ChannelErrors& errors, int32_t stride, float* filter) {
  float w0 = filter[0], w1 = filter[1], w2 = filter[2], w3 = filter[3], w4 = filter[4], w5 = filter[5];
  float w6 = filter[6], w7 = filter[7], w8 = filter[8];
  for (int32_t i = 0; i < errors.count; ++i) {
    const float* upper = errors.patch[i];
    const float* middle = upper + stride;
    const float* lower = middle + stride;
    const float error = errors.error[i];
    w0 += error * upper[0];
    w1 += error * upper[1];
    w2 += error * upper[2];
    w3 += error * middle[0];
    w4 += error * middle[1];
    w5 += error * middle[2];
    w6 += error * lower[0];
    w7 += error * lower[1];
    w8 += error * lower[2];
  }
  filter[0] = w0, filter[1] = w1, filter[2] = w2, filter[3] = w3, filter[4] = w4, filter[5] = w5;
  filter[6] = w6, filter[7] = w7, filter[8] = w8;
}

/// Weight gradients channel by channel, for contiguous filters with rows of a multiple of four elements, or 3x3 of one channel.
void GatherPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, const float* image) {
  const int32_t stride = s.shape.stride[kSource], n = s.shape.n;
  constexpr int32_t kPixels = ChannelErrors::kPixels;
  for (; pixels > 0; pixels -= kPixels) {
    const int32_t group = pixels < kPixels ? pixels : kPixels;
    float* filter = s.filters;
    for (int32_t c = 0; c < s.channels; ++c, filter += s.filter) {
      const ChannelErrors errors(s, group, dy + c, winners + c * static_cast<int32_t>(s.winner_step), image);
      if (errors.count == 0) continue;
      if (n == 3) {
        GatherNine(errors, stride, filter);
        continue;
      }
      float* row = filter;
      for (int32_t u = 0; u < s.shape.rows; ++u, row += n) {
        int32_t i = 0;
        for (; i + 12 <= n; i += 12) GatherTwelve(errors, u * stride + i, row + i);
        for (; i < n; i += 4) GatherFour(errors, u * stride + i, row + i);
      }
    }
    dy += kPixels * s.channels;
    winners += kPixels * s.channels * static_cast<int32_t>(s.winner_step);
    image += kPixels * s.pixel_step;
  }
}

}  // namespace

void Axpy(const AxpyJob* jobs, int32_t count, const AxpyShape& shape) {
  const bool three = shape.rows == 3;
  for (; count > 0; --count, ++jobs) {
    const float* x = jobs->patch[kSource];
    float* y = jobs->patch[kDestination];
    if (three && shape.n == 12) {
      Patch12::Add(jobs->a, x, y, shape);
    } else if (three && shape.n == 3) {
      Patch3::Add(jobs->a, x, y, shape);
    } else {
      AddPatch(jobs->a, x, y, shape);
    }
  }
}

void ScatterPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image) {
  const AxpyShape& shape = s.shape;
  const bool single = shape.rows == 3 && shape.n == 3;
  if (s.image_side == kSource && shape.stride[kDestination] == shape.n && (single || shape.n % 4 == 0)) {
    return GatherPixels(s, pixels, dy, winners, image);
  }
  const auto scatter = shape.rows == 3 && shape.n == 12 ? ScatterPixelsOf<Patch12> : ScatterPixelsOf<AnyPatch>;
  scatter(s, pixels, dy, winners, image);
}

namespace {

/// One column of four rows.
struct Column {
  const float *x, *w0, *w1, *w2, *w3;
  float s0, s1, s2, s3;

  TFLM_TRAIN_ALWAYS_INLINE void Add(int32_t i) {
    const float value = x[i];
    s0 += value * w0[i];
    s1 += value * w1[i];
    s2 += value * w2[i];
    s3 += value * w3[i];
  }
  TFLM_TRAIN_ALWAYS_INLINE void Advance(int32_t n) {
    x += n;
    w0 += n;
    w1 += n;
    w2 += n;
    w3 += n;
  }
};

TFLM_TRAIN_ALWAYS_INLINE inline void DotRows4(const float* x, const float* w, int32_t stride, int32_t n, float* sums) {
  Column column = {x, w, w + stride, w + 2 * stride, w + 3 * stride, sums[0], sums[1], sums[2], sums[3]};
  for (; n >= 8; n -= 8, column.Advance(8)) {
    column.Add(0);
    column.Add(1);
    column.Add(2);
    column.Add(3);
    column.Add(4);
    column.Add(5);
    column.Add(6);
    column.Add(7);
  }
  for (; n > 0; --n, column.Advance(1)) column.Add(0);
  sums[0] = column.s0;
  sums[1] = column.s1;
  sums[2] = column.s2;
  sums[3] = column.s3;
}

}  // namespace

void DotRows(const float* x, const float* w, int32_t stride, int32_t n, int32_t rows, float* sums) {
  for (; rows >= 4; rows -= 4, w += 4 * stride, sums += 4) DotRows4(x, w, stride, n, sums);
  for (; rows > 0; --rows, w += stride, ++sums) {
    float sum = *sums;
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
      sum += x[i] * w[i];
      sum += x[i + 1] * w[i + 1];
      sum += x[i + 2] * w[i + 2];
      sum += x[i + 3] * w[i + 3];
    }
    for (; i < n; ++i) sum += x[i] * w[i];
    *sums = sum;
  }
}

namespace {

/// w[r] += factor[r] * x for four rows: x is loaded once for all.
void AddRows4(const SelectedRow* rows, const float* __restrict x, int32_t n) {
  float *__restrict w0 = rows[0].row, *__restrict w1 = rows[1].row;
  float *__restrict w2 = rows[2].row, *__restrict w3 = rows[3].row;
  const float f0 = rows[0].factor, f1 = rows[1].factor, f2 = rows[2].factor, f3 = rows[3].factor;
  const auto add = [&](int32_t i) TFLM_TRAIN_ALWAYS_INLINE {
    const float value = x[i];
    w0[i] += f0 * value;
    w1[i] += f1 * value;
    w2[i] += f2 * value;
    w3[i] += f3 * value;
  };
  const auto advance = [&](int32_t step) TFLM_TRAIN_ALWAYS_INLINE {
    x += step;
    w0 += step;
    w1 += step;
    w2 += step;
    w3 += step;
  };
  for (; n >= 4; n -= 4, advance(4)) {
    add(0);
    add(1);
    add(2);
    add(3);
  }
  for (; n > 0; --n, advance(1)) add(0);
}

/// dx += error[r] * w[r], then w[r] += factor[r] * x for four rows: x and dx are loaded once for all.
void UpdateRows4(const SelectedRow* rows, const float* __restrict x, float* __restrict dx, int32_t n) {
  float *__restrict w0 = rows[0].row, *__restrict w1 = rows[1].row;
  float *__restrict w2 = rows[2].row, *__restrict w3 = rows[3].row;
  const float f0 = rows[0].factor, f1 = rows[1].factor, f2 = rows[2].factor, f3 = rows[3].factor;
  const float e0 = rows[0].error, e1 = rows[1].error, e2 = rows[2].error, e3 = rows[3].error;
  const auto update = [&](int32_t i) TFLM_TRAIN_ALWAYS_INLINE {
    const float value = x[i], old0 = w0[i], old1 = w1[i], old2 = w2[i], old3 = w3[i];
    float sum = dx[i];
    sum += e0 * old0;
    sum += e1 * old1;
    sum += e2 * old2;
    sum += e3 * old3;
    dx[i] = sum;
    w0[i] = old0 + f0 * value;
    w1[i] = old1 + f1 * value;
    w2[i] = old2 + f2 * value;
    w3[i] = old3 + f3 * value;
  };
  for (; n >= 2; n -= 2) {
    update(0);
    update(1);
    x += 2, dx += 2, w0 += 2, w1 += 2, w2 += 2, w3 += 2;
  }
  if (n > 0) update(0);
}

/// dx += error * w, then w += factor * x.
TFLM_TRAIN_ALWAYS_INLINE inline void UpdateRow(float error, float factor, const float* __restrict x, float* __restrict w,
                                               float* __restrict dx, int32_t n) {
  for (int32_t i = 0; i < n; ++i) {
    const float old = w[i];
    dx[i] += error * old;
    w[i] = old + factor * x[i];
  }
}

}  // namespace

void AddRows(const Selection& selection, const float* dy, uint32_t count, float scale, const float* x, float* w, int32_t n) {
  ForEachRowGroup(
      selection, dy, count, scale, w, n, [=](const SelectedRow* rows) TFLM_TRAIN_ALWAYS_INLINE { AddRows4(rows, x, n); },
      [=](const SelectedRow& row) TFLM_TRAIN_ALWAYS_INLINE { AddScaled(row.factor, x, row.row, n); });
}

void UpdateRows(const Selection& selection, const float* dy, uint32_t count, float scale, const float* x, float* w,
                float* dx, int32_t n) {
  ForEachRowGroup(
      selection, dy, count, scale, w, n,
      [=](const SelectedRow* rows) TFLM_TRAIN_ALWAYS_INLINE { UpdateRows4(rows, x, dx, n); },
      [=](const SelectedRow& row) TFLM_TRAIN_ALWAYS_INLINE { UpdateRow(row.error, row.factor, x, row.row, dx, n); });
}

void MultiplyAdd(const float* __restrict a, const float* __restrict b, float* __restrict y, int32_t n) {
  for (; n >= 4; n -= 4) {
    y[0] += a[0] * b[0];
    y[1] += a[1] * b[1];
    y[2] += a[2] * b[2];
    y[3] += a[3] * b[3];
    a += 4;
    b += 4;
    y += 4;
  }
  for (; n > 0; --n) *y++ += *a++ * *b++;
}

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

/// Where winners go: with a step of zero they all go where nobody reads.
struct Winners {
  explicit Winners(uint8_t* wanted) : next(wanted ? wanted : &unused), step(wanted ? 1 : 0) {}
  uint8_t unused;
  uint8_t* next;
  int32_t step;
};

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

void PoolTile(const float* sums, int32_t count, const float* bias, float low, float* y, uint8_t* winners) {
  Winners to(winners);
  for (int32_t c = 0; c < count; ++c, sums += 4) Pool(Tile(sums), bias[c], low, y + c, to.next + c * to.step);
}

void ConvPoolRow1(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count, const float* bias,
                  float low, float* y, int32_t y_step, uint8_t* winners) {
  Winners to(winners);
  for (; tiles > 0; --tiles, strip += 2, y += y_step, to.next += to.step * y_step) {
    const Patch values(strip, stride, 1);
    const float* filter = w;
    uint8_t* winner = to.next;
    for (int32_t c = 0; c < count; ++c, filter += 9, winner += to.step) {
      Tile tile;
      values.BeginConvolve(filter, 1, tile);
      Pool(tile, bias[c], low, y + c, winner);
    }
  }
}

void ConvPoolRow4(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count, const float* bias,
                  float low, float* y, int32_t y_step, uint8_t* winners) {
  constexpr int32_t kFilter = 36, kDepth = 4;
  Winners to(winners);
  for (; tiles > 0; --tiles, strip += 2 * kDepth, y += y_step, to.next += to.step * y_step) {
    const float* filter = w;
    uint8_t* winner = to.next;
    int32_t c = 0;
    for (; c + 2 <= count; c += 2, filter += 2 * kFilter, winner += 2 * to.step) {  // two filters per load of the patch
      Tile first, second;
      const Patch begin(strip, stride, kDepth);
      begin.BeginConvolve(filter, kDepth, first);
      begin.BeginConvolve(filter + kFilter, kDepth, second);
      for (int32_t channel = 1; channel < kDepth; ++channel) {
        const Patch values(strip + channel, stride, kDepth);
        values.Convolve(filter + channel, kDepth, first);
        values.Convolve(filter + channel + kFilter, kDepth, second);
      }
      Pool(first, bias[c], low, y + c, winner);
      Pool(second, bias[c + 1], low, y + c + 1, winner + to.step);
    }
    if (c < count) {
      Tile tile;
      Patch(strip, stride, kDepth).BeginConvolve(filter, kDepth, tile);
      for (int32_t channel = 1; channel < kDepth; ++channel) {
        Patch(strip + channel, stride, kDepth).Convolve(filter + channel, kDepth, tile);
      }
      Pool(tile, bias[c], low, y + c, winner);
    }
  }
}

// Compilers would turn the loop into a call of memset, which is a loop over bytes in small C libraries.
#if defined(__GNUC__) && !defined(__clang__)
__attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif
void Clear(float* x, uint32_t n) {
  for (; n >= 8; n -= 8, x += 8) {
    x[0] = 0.0f;
    x[1] = 0.0f;
    x[2] = 0.0f;
    x[3] = 0.0f;
    x[4] = 0.0f;
    x[5] = 0.0f;
    x[6] = 0.0f;
    x[7] = 0.0f;
  }
  for (; n > 0; --n) *x++ = 0.0f;
}

void CopyRows(const float* x, int32_t x_stride, float* y, int32_t y_stride, int32_t n, int32_t rows) {
  for (; rows > 0; --rows, x += x_stride, y += y_stride) {
    const float* __restrict from = x;
    float* __restrict to = y;
    int32_t left = n;
    for (; left >= 8; left -= 8, from += 8, to += 8) {
      const float x0 = from[0], x1 = from[1], x2 = from[2], x3 = from[3];
      const float x4 = from[4], x5 = from[5], x6 = from[6], x7 = from[7];
      to[0] = x0;
      to[1] = x1;
      to[2] = x2;
      to[3] = x3;
      to[4] = x4;
      to[5] = x5;
      to[6] = x6;
      to[7] = x7;
    }
    for (; left >= 4; left -= 4, from += 4, to += 4) {
      const float x0 = from[0], x1 = from[1], x2 = from[2], x3 = from[3];
      to[0] = x0;
      to[1] = x1;
      to[2] = x2;
      to[3] = x3;
    }
    for (; left > 0; --left) *to++ = *from++;
  }
}

namespace {

inline uint32_t Bits(const float* x) {
  uint32_t bits;
  std::memcpy(&bits, x, sizeof bits);
  return bits;
}

}  // namespace

bool AllFinite(const float* x, uint32_t n) {
  // Without its sign a finite number is below 0x7F800000: adding 0x00800000 does not reach the sign bit.
  constexpr uint32_t kMagnitude = 0x7FFFFFFFu, kStep = 0x00800000u;
  uint32_t carried = 0;
  for (; n >= 4; n -= 4, x += 4) {
    carried |= (Bits(x) & kMagnitude) + kStep;
    carried |= (Bits(x + 1) & kMagnitude) + kStep;
    carried |= (Bits(x + 2) & kMagnitude) + kStep;
    carried |= (Bits(x + 3) & kMagnitude) + kStep;
  }
  for (; n > 0; --n) carried |= (Bits(x++) & kMagnitude) + kStep;
  return carried <= kMagnitude;
}

void AddBias(const float* __restrict bias, float low, float* __restrict y, int32_t n) {
  for (; n >= 4; n -= 4, bias += 4, y += 4) {
    const float y0 = y[0] + bias[0], y1 = y[1] + bias[1], y2 = y[2] + bias[2], y3 = y[3] + bias[3];
    y[0] = y0 < low ? low : y0;
    y[1] = y1 < low ? low : y1;
    y[2] = y2 < low ? low : y2;
    y[3] = y3 < low ? low : y3;
  }
  for (; n > 0; --n, ++y) {
    const float value = *y + *bias++;
    *y = value < low ? low : value;
  }
}

void MaskRectified(const float* y, float* dy, uint32_t n) {
  // Not positive: zero, or the sign bit set.
  const auto mask = [](uint32_t bits, float* error) {
    if (static_cast<int32_t>(bits) <= 0) *error = 0.0f;
  };
  for (; n >= 4; n -= 4, y += 4, dy += 4) {
    const uint32_t y0 = Bits(y), y1 = Bits(y + 1), y2 = Bits(y + 2), y3 = Bits(y + 3);
    mask(y0, dy);
    mask(y1, dy + 1);
    mask(y2, dy + 2);
    mask(y3, dy + 3);
  }
  for (; n > 0; --n) mask(Bits(y++), dy++);
}

}  // namespace portable
}  // namespace tflm_train
