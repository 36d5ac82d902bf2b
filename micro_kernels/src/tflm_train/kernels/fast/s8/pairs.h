// Sums of products over pairs: two 16-bit numbers that one instruction multiplies by two others.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_PAIRS_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_PAIRS_H_

#include <cstdint>

namespace tflm_train {
namespace fast {
namespace s8 {

/// Bytes that become pairs: of number i in column c first[i * first_step + c] and second[i * second_step + c], `zero`
/// taken off both. Up to four columns.
struct PairSource {
  const int8_t *first, *second;
  int32_t first_step, second_step;
  int32_t columns, zero;
};

/// Four columns of `count` pairs, as PackPairs makes them; the first `width` of them are wanted.
struct PairColumns {
  const int16_t* pairs;
  int32_t count, width;
};

/// Rows whose pairs lie in order, `step` elements from one row to the next.
struct PairRows {
  const int16_t* pairs;
  int32_t step, rows;
};

/// Rows as PackErrors makes them, two after two.
struct ErrorRowPairs {
  const int16_t* pairs;
  int32_t rows;
};

/// sums[r * step + c] of a row and a column.
struct PairSums {
  int32_t* sums;
  int32_t step;
};

/// Errors of two rows of positions whose pairs are wanted: first[i * step + channel] and second[i * step + channel], of
/// which the second row has `second_count` <= count; channels 0 and, if there are `two`, 1.
struct ErrorPairs {
  const int16_t *first, *second;
  int32_t count, second_count, step;
  bool two;
};

/// Elements of `count` pairs in four columns.
constexpr int32_t ColumnPairElements(int32_t count) { return 8 * count; }

/// Elements of `count` errors' pairs of so many channels.
constexpr int32_t ErrorPairElements(int32_t channels, int32_t count) { return (channels + 1) / 2 * 4 * count; }

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_PAIRS_H_
