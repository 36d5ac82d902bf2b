// Columns against filters in plain C++. A column lies in order, all of it together.
#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/s8/inner_portable.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {
namespace {

uint32_t Product(int32_t a, int32_t b) { return static_cast<uint32_t>(a * b); }

uint32_t Bias(const Filters& f, int32_t o) { return f.bias != nullptr ? static_cast<uint32_t>(f.bias[o]) : 0; }

int8_t Apply(const Filters& f, uint32_t sum, int32_t o) {
  return f.stage.stage.Apply(static_cast<int32_t>(sum), static_cast<uint32_t>(o));
}

/// One filter over one column. Sums are modulo 2^32, as in the plain kernels.
void DotOne(const Filters& f, int32_t o, const int16_t* x, int8_t* y) {
  const int8_t* w = f.w + int64_t{o} * f.n;
  uint32_t sum = Bias(f, o);
  for (int32_t i = 0; i < f.n; ++i) sum += Product(x[i], w[i]);
  y[o] = Apply(f, sum, o);
}

}  // namespace

void Widen(const int8_t* x, int32_t n, int32_t zero, int32_t column, int32_t, int16_t* to) {
  const auto length = static_cast<int32_t>(ColumnElements(static_cast<uint32_t>(n)));
  to += column * length;
  for (int32_t i = 0; i < n; ++i) to[i] = static_cast<int16_t>(x[i] - zero);
  for (int32_t i = n; i < length; ++i) to[i] = 0;
}

void Shift(const int8_t* x, uint32_t n, int32_t zero, int16_t* to) {
  for (uint32_t i = 0; i < n; ++i) to[i] = static_cast<int16_t>(x[i] - zero);
}

void DotColumn(const Filters& f, const int16_t* column, int8_t* y) {
  const int32_t n = f.n;
  int32_t o = 0;
  for (; o + 4 <= f.count; o += 4) {
    const int8_t *w0 = f.w + int64_t{o} * n, *w1 = w0 + n, *w2 = w1 + n, *w3 = w2 + n;
    uint32_t s0 = Bias(f, o), s1 = Bias(f, o + 1), s2 = Bias(f, o + 2), s3 = Bias(f, o + 3);
    for (int32_t i = 0; i < n; ++i) {
      const int32_t x = column[i];
      s0 += Product(x, w0[i]);
      s1 += Product(x, w1[i]);
      s2 += Product(x, w2[i]);
      s3 += Product(x, w3[i]);
    }
    y[o] = Apply(f, s0, o);
    y[o + 1] = Apply(f, s1, o + 1);
    y[o + 2] = Apply(f, s2, o + 2);
    y[o + 3] = Apply(f, s3, o + 3);
  }
  for (; o < f.count; ++o) DotOne(f, o, column, y);
}

void DotColumns(const Filters& f, const int16_t* columns, int8_t* y0, int8_t* y1) {
  const int32_t n = f.n;
  const int16_t *first = columns, *second = columns + ColumnElements(static_cast<uint32_t>(n));
  int32_t o = 0;
  for (; o + 2 <= f.count; o += 2) {
    const int8_t *w0 = f.w + int64_t{o} * n, *w1 = w0 + n;
    uint32_t a0 = Bias(f, o), a1 = a0, b0 = Bias(f, o + 1), b1 = b0;
    for (int32_t i = 0; i < n; ++i) {
      const int32_t x0 = first[i], x1 = second[i], a = w0[i], b = w1[i];
      a0 += Product(x0, a);
      a1 += Product(x1, a);
      b0 += Product(x0, b);
      b1 += Product(x1, b);
    }
    y0[o] = Apply(f, a0, o);
    y1[o] = Apply(f, a1, o);
    y0[o + 1] = Apply(f, b0, o + 1);
    y1[o + 1] = Apply(f, b1, o + 1);
  }
  if (o == f.count) return;
  DotOne(f, o, first, y0);
  DotOne(f, o, second, y1);
}

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
