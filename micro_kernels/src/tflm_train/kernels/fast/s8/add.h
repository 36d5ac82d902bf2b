// Fast ADD and SUB in int8, the same bits as the plain ones.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_ADD_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_ADD_H_

#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/s8/arithmetic.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// As the plain kernel.
inline void AddForward(const StridedWalk& walk, const tflm_train::s8::AddStage& stage, int32_t sign, const int8_t* a,
                       const int8_t* b, int8_t* y) {
  if (walk.row_stride_a() != 1 || walk.row_stride_b() != 1) {
    return tflm_train::s8::AddForward(walk, stage, sign, a, b, y);
  }
  ForEachRow(walk, [&](size_t first, ptrdiff_t at_a, ptrdiff_t at_b) {
    inner::AddRow(stage, sign, a + at_a, b + at_b, walk.row_elements(), y + first);
  });
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_ADD_H_
