// BATCH_MATMUL in int8: y[.., i, j] = stage(sum_k (a[.., i, k] - zero_a) (b[.., k, j] - zero_b)); shapes as in float.
#ifndef TFLM_TRAIN_KERNELS_S8_BATCH_MATMUL_H_
#define TFLM_TRAIN_KERNELS_S8_BATCH_MATMUL_H_

#include "tflm_train/kernels/batch_matmul.h"
#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace s8 {

inline void BatchMatMulForward(const MatMulShape& s, const StridedWalk& batches, int32_t zero_a, int32_t zero_b,
                               const int8_t* a, const int8_t* b, const OutputStage& stage, int8_t* y,
                               WorkCounters& work) {
  ForEachMatrix(s, batches, [&](size_t at_a, size_t at_b, size_t at_y) {
    for (uint32_t i = 0; i < s.rows; ++i) {
      for (uint32_t j = 0; j < s.columns; ++j) {
        const int8_t *p = a + at_a + i * s.a().row, *q = b + at_b + j * s.b().column;
        int32_t sum = 0;
        for (uint32_t k = 0; k < s.inner; ++k, p += s.a().column, q += s.b().row) {
          sum = WrappingAdd(sum, (*p - zero_a) * (*q - zero_b));
        }
        y[at_y + size_t{i} * s.columns + j] = stage.Apply(sum, 0);
      }
    }
    Count(work.forward, uint64_t{s.y_elements()} * s.inner);
  });
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_BATCH_MATMUL_H_
