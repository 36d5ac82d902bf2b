// Dense layers: dot products of rows, input error and update of rows.
#include "tflm_train/kernels/fast/inner_portable.h"

#include "tflm_train/kernels/fast/portable/add_scaled.h"
#include "tflm_train/kernels/fast/selected_rows.h"

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

}  // namespace portable
}  // namespace tflm_train
