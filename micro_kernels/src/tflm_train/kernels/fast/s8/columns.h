// Columns: the inputs under a filter, widened to 16 bits, their zero point taken off. Filters stay as they are.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_COLUMNS_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_COLUMNS_H_

#include <cstdint>

#include "tflm_train/kernels/fast/s8/quick_stage.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// Elements of a column of n numbers: a multiple of four, the rest of which is zero.
constexpr uint32_t ColumnElements(uint32_t n) { return (n + 3) / 4 * 4; }

/// w [count, n], bias [count] or null, and what becomes of the sums.
struct Filters {
  const int8_t* w;
  const int32_t* bias;
  int32_t n, count;
  const QuickStage& stage;
};

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_COLUMNS_H_
