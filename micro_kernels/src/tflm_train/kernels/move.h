// Operators that only move data: PAD, TRANSPOSE, CONCATENATION, COPY.
#ifndef TFLM_TRAIN_KERNELS_MOVE_H_
#define TFLM_TRAIN_KERNELS_MOVE_H_

#include <cstring>

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/strided.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// y = x. y may be x.
template <class T>
void CopyForward(const T* x, uint32_t n, T* y) {
  if (y != x) std::memmove(y, x, size_t(n) * sizeof(T));
}

/// dx = dy or dx += dy. dx may be dy.
template <class T>
void CopyBackward(const T* dy, uint32_t n, bool accumulate, T* dx) {
  if (dx == dy && !accumulate) return;
  PutError(accumulate, dx, n, [=](uint32_t i) { return dy[i]; });
}

/// The walk over x in which operand a is x's place in y, `before` elements inside in each dimension. Sets `offset`, the
/// place of x's first element.
inline StridedWalk PadWalk(const Dims& x, const Dims& y, const int32_t* before, ptrdiff_t* offset) {
  StridedWalk walk = {};
  walk.rank = x.rank;
  *offset = 0;
  ptrdiff_t step = 1;
  for (int32_t i = x.rank - 1; i >= 0; --i) {
    walk.dims[i] = x.size[i];
    walk.stride_a[i] = step;
    *offset += before[i] * step;
    step *= y.size[i];
  }
  walk.Simplify();
  return walk;
}

/// y = zeros around x. `walk`, `offset`: from PadWalk.
template <class T>
void PadForward(const StridedWalk& walk, ptrdiff_t offset, const T* x, uint32_t y_elements, T* y) {
  Fill(T(0), y, y_elements);
  const ptrdiff_t step = walk.row_stride_a();
  ForEachRow(walk, [&](size_t first, ptrdiff_t at, ptrdiff_t) {
    T* target = y + offset + at;
    for (uint32_t i = 0; i < walk.row_elements(); ++i, target += step) *target = x[first + i];
  });
}

/// dx = the inner part of dy.
template <class T>
void PadBackward(const StridedWalk& walk, ptrdiff_t offset, const T* dy, bool accumulate, T* dx) {
  const ptrdiff_t step = walk.row_stride_a();
  ForEachRow(walk, [&](size_t first, ptrdiff_t at, ptrdiff_t) {
    const T* source = dy + offset + at;
    PutError(accumulate, dx + first, walk.row_elements(), [=](uint32_t i) { return source[ptrdiff_t(i) * step]; });
  });
}

/// The walk over y (dimension i of y is dimension permutation[i] of x) in which operand a is the place in x.
inline StridedWalk TransposeWalk(const Dims& x, const int32_t* permutation) {
  ptrdiff_t strides[kMaxRank];
  ptrdiff_t step = 1;
  for (int32_t i = x.rank - 1; i >= 0; --i) {
    strides[i] = step;
    step *= x.size[i];
  }
  StridedWalk walk = {};
  walk.rank = x.rank;
  for (int32_t i = 0; i < x.rank; ++i) {
    walk.dims[i] = x.size[permutation[i]];
    walk.stride_a[i] = strides[permutation[i]];
  }
  // Operand b is unused: it moves like y, so that it never keeps dimensions apart that a crosses in equal steps.
  step = 1;
  for (int32_t i = x.rank - 1; i >= 0; --i) {
    walk.stride_b[i] = step;
    step *= walk.dims[i];
  }
  walk.Simplify();
  return walk;
}

/// y = x with its dimensions exchanged. `walk`: TransposeWalk.
template <class T>
void TransposeForward(const StridedWalk& walk, const T* x, T* y) {
  const ptrdiff_t step = walk.row_stride_a();
  ForEachRow(walk, [&](size_t first, ptrdiff_t at, ptrdiff_t) {
    const T* source = x + at;
    for (uint32_t i = 0; i < walk.row_elements(); ++i, source += step) y[first + i] = *source;
  });
}

template <class T>
void TransposeBackward(const StridedWalk& walk, const T* dy, bool accumulate, T* dx) {
  const ptrdiff_t step = walk.row_stride_a();
  ForEachRow(walk, [&](size_t first, ptrdiff_t at, ptrdiff_t) {
    T* target = dx + at;
    for (uint32_t i = 0; i < walk.row_elements(); ++i, target += step) {
      *target = accumulate ? *target + dy[first + i] : dy[first + i];
    }
  });
}

/// Where one input of a concatenation lies in its output: `outer` blocks of `block` elements, `stride` elements apart,
/// from `offset` on.
struct ConcatenationPart {
  uint32_t outer, block, stride, offset;
};

/// y's part = x.
template <class T>
void ConcatenationForward(const ConcatenationPart& part, const T* x, T* y) {
  y += part.offset;
  for (uint32_t o = 0; o < part.outer; ++o, x += part.block, y += part.stride) {
    for (uint32_t i = 0; i < part.block; ++i) y[i] = x[i];
  }
}

/// dx = dy's part.
template <class T>
void ConcatenationBackward(const ConcatenationPart& part, const T* dy, bool accumulate, T* dx) {
  dy += part.offset;
  for (uint32_t o = 0; o < part.outer; ++o, dy += part.stride, dx += part.block) {
    PutError(accumulate, dx, part.block, [=](uint32_t i) { return dy[i]; });
  }
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_MOVE_H_
