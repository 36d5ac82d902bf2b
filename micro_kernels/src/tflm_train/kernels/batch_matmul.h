// BATCH_MATMUL: y[.., i, j] = sum_k a[.., i, k] b[.., k, j]; batch dimensions broadcast, either matrix may be stored
// transposed.
#ifndef TFLM_TRAIN_KERNELS_BATCH_MATMUL_H_
#define TFLM_TRAIN_KERNELS_BATCH_MATMUL_H_

#include "tflm_train/kernels/strided.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// Steps from one row and one column of a matrix to the next.
struct MatrixStrides {
  size_t row, column;
  MatrixStrides Transposed() const { return {column, row}; }
};

/// Sizes of y [.., rows, columns] and of what is summed, and how the stored matrices lie.
struct MatMulShape {
  uint32_t rows, columns, inner;
  bool transposed_a, transposed_b;

  MatrixStrides a() const { return transposed_a ? MatrixStrides{1, rows} : MatrixStrides{inner, 1}; }
  MatrixStrides b() const { return transposed_b ? MatrixStrides{1, inner} : MatrixStrides{columns, 1}; }
  MatrixStrides y() const { return {columns, 1}; }
  size_t a_elements() const { return size_t{rows} * inner; }
  size_t b_elements() const { return size_t{inner} * columns; }
  size_t y_elements() const { return size_t{rows} * columns; }
};

/// target[i, j] (+)= sum_k a[i, k] b[k, j], summed in ascending order before the target is touched.
template <bool kAdd, class T>
void MatMul(uint32_t rows, uint32_t columns, uint32_t inner, const T* a, MatrixStrides sa, const T* b, MatrixStrides sb,
            T* target, MatrixStrides st) {
  for (uint32_t i = 0; i < rows; ++i, a += sa.row, target += st.row) {
    const T* column = b;
    T* element = target;
    for (uint32_t j = 0; j < columns; ++j, column += sb.column, element += st.column) {
      const T *p = a, *q = column;
      T sum = T(0);
      for (uint32_t k = 0; k < inner; ++k, p += sa.column, q += sb.row) sum += *p * *q;
      *element = kAdd ? *element + sum : sum;
    }
  }
}

/// Calls visit(a's matrix, b's matrix, y's matrix) with their element offsets, for each matrix of y. `batches`: the
/// walk over the batch dimensions, in matrices.
template <class Visit>
void ForEachMatrix(const MatMulShape& s, const StridedWalk& batches, Visit visit) {
  ForEachRow(batches, [&](size_t first, ptrdiff_t a, ptrdiff_t b) {
    for (uint32_t i = 0; i < batches.row_elements(); ++i, a += batches.row_stride_a(), b += batches.row_stride_b()) {
      visit(size_t(a) * s.a_elements(), size_t(b) * s.b_elements(), (first + i) * s.y_elements());
    }
  });
}

template <class T>
void BatchMatMulForward(const MatMulShape& s, const StridedWalk& batches, const T* a, const T* b, T* y,
                        WorkCounters& work) {
  ForEachMatrix(s, batches, [&](size_t at_a, size_t at_b, size_t at_y) {
    MatMul<false>(s.rows, s.columns, s.inner, a + at_a, s.a(), b + at_b, s.b(), y + at_y, s.y());
    Count(work.forward, uint64_t{s.y_elements()} * s.inner);
  });
}

/// da += dy b^T.
template <class T>
void BatchMatMulErrorOfA(const MatMulShape& s, const StridedWalk& batches, const T* b, const T* dy, T* da,
                         WorkCounters& work) {
  ForEachMatrix(s, batches, [&](size_t at_a, size_t at_b, size_t at_y) {
    MatMul<true>(s.rows, s.inner, s.columns, dy + at_y, s.y(), b + at_b, s.b().Transposed(), da + at_a, s.a());
    Count(work.input_error, uint64_t{s.y_elements()} * s.inner);
  });
}

/// db += a^T dy.
template <class T>
void BatchMatMulErrorOfB(const MatMulShape& s, const StridedWalk& batches, const T* a, const T* dy, T* db,
                         WorkCounters& work) {
  ForEachMatrix(s, batches, [&](size_t at_a, size_t at_b, size_t at_y) {
    MatMul<true>(s.inner, s.columns, s.rows, a + at_a, s.a().Transposed(), dy + at_y, s.y(), db + at_b, s.b());
    Count(work.input_error, uint64_t{s.y_elements()} * s.inner);
  });
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_BATCH_MATMUL_H_
