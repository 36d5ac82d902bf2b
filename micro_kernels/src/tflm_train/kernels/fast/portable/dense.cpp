// Dense layers: dot products of rows, input error and update of rows.
#include <cstddef>
#include <limits>

#include "tflm_train/kernels/fast/inner_portable.h"
#include "tflm_train/kernels/fast/portable/add_scaled.h"
#include "tflm_train/kernels/fast/selected_rows.h"
#include "tflm_train/kernels/magnitude.h"

namespace tflm_train {
namespace portable {
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
  TFLM_TRAIN_ALWAYS_INLINE void AddEight(int32_t i) {
    Add(i);
    Add(i + 1);
    Add(i + 2);
    Add(i + 3);
    Add(i + 4);
    Add(i + 5);
    Add(i + 6);
    Add(i + 7);
  }
  TFLM_TRAIN_ALWAYS_INLINE void Advance(int32_t n) {
    x += n;
    w0 += n;
    w1 += n;
    w2 += n;
    w3 += n;
  }
};

TFLM_TRAIN_ALWAYS_INLINE inline void DotRows4(const float* x, const float* w, int32_t stride, int32_t n, float low,
                                              const float* start, float* y) {
  Column column = {x, w, w + stride, w + 2 * stride, w + 3 * stride, start[0], start[1], start[2], start[3]};
  for (; n >= 16; n -= 16, column.Advance(16)) {
    column.AddEight(0);
    column.AddEight(8);
  }
  if (n >= 8) {
    column.AddEight(0);
    column.Advance(8);
    n -= 8;
  }
  for (; n > 0; --n, column.Advance(1)) column.Add(0);
  y[0] = column.s0 < low ? low : column.s0;
  y[1] = column.s1 < low ? low : column.s1;
  y[2] = column.s2 < low ? low : column.s2;
  y[3] = column.s3 < low ? low : column.s3;
}

}  // namespace

void DotRows(const float* x, const float* w, int32_t stride, int32_t n, int32_t rows, const float* start, bool rectify,
             float* y) {
  const float low = rectify ? 0.0f : -std::numeric_limits<float>::infinity();
  for (; rows >= 4; rows -= 4, w += 4 * stride, start += 4, y += 4) DotRows4(x, w, stride, n, low, start, y);
  for (; rows > 0; --rows, w += stride, ++start, ++y) {
    float sum = *start;
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
      sum += x[i] * w[i];
      sum += x[i + 1] * w[i + 1];
      sum += x[i + 2] * w[i + 2];
      sum += x[i + 3] * w[i + 3];
    }
    for (; i < n; ++i) sum += x[i] * w[i];
    *y = sum < low ? low : sum;
  }
}

namespace {

/// w[r] += scale * error[r] * x for four rows: x is loaded once for all.
void AddRows4(const SelectedRow* rows, float scale, const float* __restrict x, int32_t n) {
  float* __restrict w0 = rows[0].row, * __restrict w1 = rows[1].row;
  float* __restrict w2 = rows[2].row, * __restrict w3 = rows[3].row;
  const float f0 = scale * rows[0].error, f1 = scale * rows[1].error;
  const float f2 = scale * rows[2].error, f3 = scale * rows[3].error;
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
  for (; n >= 8; n -= 8, advance(8)) {
    add(0);
    add(1);
    add(2);
    add(3);
    add(4);
    add(5);
    add(6);
    add(7);
  }
  for (; n > 0; --n, advance(1)) add(0);
}

/// The same after dx += error[r] * w[r]: x and dx are loaded once for all.
void UpdateRows4(const SelectedRow* rows, float scale, const float* __restrict x, float* __restrict dx, int32_t n) {
  float* __restrict w0 = rows[0].row, * __restrict w1 = rows[1].row;
  float* __restrict w2 = rows[2].row, * __restrict w3 = rows[3].row;
  const float e0 = rows[0].error, e1 = rows[1].error, e2 = rows[2].error, e3 = rows[3].error;
  const float f0 = scale * e0, f1 = scale * e1, f2 = scale * e2, f3 = scale * e3;
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
  const auto advance = [&](int32_t step) TFLM_TRAIN_ALWAYS_INLINE {
    x += step;
    dx += step;
    w0 += step;
    w1 += step;
    w2 += step;
    w3 += step;
  };
  for (; n >= 4; n -= 4, advance(4)) {
    update(0);
    update(1);
    update(2);
    update(3);
  }
  for (; n > 0; --n, advance(1)) update(0);
}

/// dx += error * w, then w += factor * x.
TFLM_TRAIN_ALWAYS_INLINE inline void UpdateRow(float error, float factor, const float* __restrict x,
                                               float* __restrict w, float* __restrict dx, int32_t n) {
  const auto update = [&](int32_t i) TFLM_TRAIN_ALWAYS_INLINE {
    const float old = w[i];
    dx[i] += error * old;
    w[i] = old + factor * x[i];
  };
  for (; n >= 4; n -= 4, x += 4, w += 4, dx += 4) {
    update(0);
    update(1);
    update(2);
    update(3);
  }
  for (int32_t i = 0; i < n; ++i) update(i);
}

/// A group of consecutive rows with n elements; moves on to the next.
TFLM_TRAIN_ALWAYS_INLINE inline void TakeRows(const float*& dy, float*& row, int32_t n, SelectedRow* rows) {
  static_assert(kRowGroup == 4);
  float* const second = row + n;
  float* const third = second + n;
  float* const fourth = third + n;
  rows[0] = {dy[0], row};
  rows[1] = {dy[1], second};
  rows[2] = {dy[2], third};
  rows[3] = {dy[3], fourth};
  dy += kRowGroup;
  row = fourth + n;
}

}  // namespace

void UpdateRows(bool zeros_too, const float* dy, uint32_t count, float scale, const float* x, float* w, float* bias,
                float* dx, int32_t n) {
  SelectedRow rows[kRowGroup];
  SelectedRow* const full = rows + kRowGroup;
  const uint32_t keep = zeros_too ? 1 : 0;
  if (bias != nullptr) AddScaled(scale, dy, bias, static_cast<int32_t>(count));
  const float* const last = dy + count;
  SelectedRow* end;
  do {
    end = rows;
    if (keep != 0 && last - dy >= static_cast<ptrdiff_t>(kRowGroup)) {
      TakeRows(dy, w, n, rows);
      end = full;
    } else {
      for (; end != full && dy != last; ++dy, w += n) {
        if ((MagnitudeKey(dy) | keep) != 0) *end++ = {*dy, w};
      }
    }
    if (end == full) {
      dx != nullptr ? UpdateRows4(rows, scale, x, dx, n) : AddRows4(rows, scale, x, n);
      continue;
    }
    for (const SelectedRow* row = rows; row != end; ++row) {
      if (dx != nullptr) {
        UpdateRow(row->error, scale * row->error, x, row->row, dx, n);
      } else {
        AddScaled(scale * row->error, x, row->row, n);
      }
    }
  } while (end == full);
}

}  // namespace portable
}  // namespace tflm_train
