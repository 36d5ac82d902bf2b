// Sums over pairs in plain C++. Four columns of pairs: [count, 4, 2].
#include <cstring>

#include "tflm_train/kernels/fast/s8/inner_portable.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {

void PackPairs(const PairSource& source, int32_t count, int16_t* to) {
  const int8_t *first = source.first, *second = source.second;
  for (; count > 0; --count, first += source.first_step, second += source.second_step, to += 8) {
    for (int32_t c = 0; c < 4; ++c) {
      const bool present = c < source.columns;
      to[2 * c] = static_cast<int16_t>(present ? first[c] - source.zero : 0);
      to[2 * c + 1] = static_cast<int16_t>(present ? second[c] - source.zero : 0);
    }
  }
}

void ClearPairs(int32_t count, int16_t* to) {
  std::memset(to, 0, static_cast<size_t>(ColumnPairElements(count)) * sizeof *to);
}

bool PackErrors(const ErrorPairs& errors, int16_t* to) {
  int32_t any = 0;
  for (int32_t i = 0; i < errors.count; ++i, to += 4) {
    const int16_t *first = errors.first + i * errors.step, *second = errors.second + i * errors.step;
    const bool both = i < errors.second_count;
    to[0] = first[0];
    to[1] = both ? second[0] : int16_t{0};
    to[2] = errors.two ? first[1] : int16_t{0};
    to[3] = errors.two && both ? second[1] : int16_t{0};
    any |= to[0] | to[1] | to[2] | to[3];
  }
  return any != 0;
}

void AddProducts(const PairColumns& columns, const PairRows& rows, const PairSums& sums) {
  const int16_t* b = rows.pairs;
  int32_t* to = sums.sums;
  for (int32_t left = rows.rows; left > 0; --left, b += rows.step, to += sums.step) {
    const int16_t* a = columns.pairs;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t i = 0; i < columns.count; ++i, a += 8) {
      const int32_t p = b[2 * i], q = b[2 * i + 1];
      s0 += a[0] * p + a[1] * q;
      s1 += a[2] * p + a[3] * q;
      s2 += a[4] * p + a[5] * q;
      s3 += a[6] * p + a[7] * q;
    }
    to[0] += s0;
    if (columns.width > 1) to[1] += s1;
    if (columns.width > 2) to[2] += s2;
    if (columns.width > 3) to[3] += s3;
  }
}

void AddErrorProducts(const PairColumns& columns, const ErrorRowPairs& rows, const PairSums& sums) {
  const int16_t* b = rows.pairs;
  int32_t* to = sums.sums;
  for (int32_t left = rows.rows; left > 0; left -= 2, to += 2 * sums.step) {
    const int16_t* a = columns.pairs;
    int32_t p[4] = {}, q[4] = {};
    for (int32_t i = 0; i < columns.count; ++i, a += 8, b += 4) {
      for (int32_t c = 0; c < 4; ++c) {
        p[c] += a[2 * c] * b[0] + a[2 * c + 1] * b[1];
        q[c] += a[2 * c] * b[2] + a[2 * c + 1] * b[3];
      }
    }
    for (int32_t c = 0; c < columns.width; ++c) {
      to[c] += p[c];
      if (left > 1) to[sums.step + c] += q[c];
    }
  }
}

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
