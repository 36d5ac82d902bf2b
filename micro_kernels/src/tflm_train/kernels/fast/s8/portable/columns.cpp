// Columns against filters in plain C++. A column lies in order, all of it together.
#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/s8/inner_portable.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {
namespace {

uint32_t Product(int32_t a, int32_t b) { return static_cast<uint32_t>(a * b); }

/// Sums of kFilters filters over kColumns columns: sum[filter][column]. Modulo 2^32, as in the plain kernels.
template <int32_t kFilters, int32_t kColumns>
struct Block {
  uint32_t sum[kFilters][kColumns];

  Block(const Filters& f, int32_t first, const int16_t* columns) {
    const int8_t* w = f.w + int64_t{first} * f.n;
    const auto length = static_cast<int32_t>(ColumnElements(static_cast<uint32_t>(f.n)));
    for (int32_t o = 0; o < kFilters; ++o) {
      for (int32_t c = 0; c < kColumns; ++c) {
        sum[o][c] = f.bias != nullptr ? static_cast<uint32_t>(f.bias[first + o]) : 0;
      }
    }
    for (int32_t i = 0; i < f.n; ++i) {
      for (int32_t o = 0; o < kFilters; ++o) {
        for (int32_t c = 0; c < kColumns; ++c) sum[o][c] += Product(columns[c * length + i], w[o * f.n + i]);
      }
    }
  }
};

template <int32_t kFilters, int32_t kColumns>
void Dot(const Filters& f, int32_t first, const int16_t* columns, int8_t* const (&y)[kColumns]) {
  const Block<kFilters, kColumns> block(f, first, columns);
  for (int32_t o = 0; o < kFilters; ++o) {
    for (int32_t c = 0; c < kColumns; ++c) {
      y[c][first + o] = f.stage.stage.Apply(static_cast<int32_t>(block.sum[o][c]), static_cast<uint32_t>(first + o));
    }
  }
}

}  // namespace

void Widen(const int8_t* x, int32_t n, int32_t zero, int32_t column, int32_t, int16_t* to) {
  const auto length = static_cast<int32_t>(ColumnElements(static_cast<uint32_t>(n)));
  to += column * length;
  for (int32_t i = 0; i < n; ++i) to[i] = static_cast<int16_t>(x[i] - zero);
  for (int32_t i = n; i < length; ++i) to[i] = 0;
}

void DotColumn(const Filters& f, const int16_t* column, int8_t* y) {
  int32_t o = 0;
  for (; o + 4 <= f.count; o += 4) Dot<4, 1>(f, o, column, {y});
  for (; o < f.count; ++o) Dot<1, 1>(f, o, column, {y});
}

void DotColumns(const Filters& f, const int16_t* columns, int8_t* y0, int8_t* y1) {
  int32_t o = 0;
  for (; o + 2 <= f.count; o += 2) Dot<2, 2>(f, o, columns, {y0, y1});
  if (o < f.count) Dot<1, 2>(f, o, columns, {y0, y1});
}

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
