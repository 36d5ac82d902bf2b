// Operators that only move data: PAD, TRANSPOSE, STRIDED_SLICE, TILE, CONCATENATION, COPY.
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

/// y = `around` x. `walk`, `offset`: from PadWalk.
template <class T>
void PadForward(const StridedWalk& walk, ptrdiff_t offset, T around, const T* x, uint32_t y_elements, T* y) {
  Fill(around, y, y_elements);
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

/// One dimension of a slice: `size` elements from `begin` on, `step` apart.
struct SliceRange {
  int32_t begin, step, size;
};

/// The walk over the slice's elements in which operand a is x, for TransposeForward and TransposeBackward. Sets
/// `offset`, the place of its first element in x.
inline StridedWalk SliceWalk(const Dims& x, const SliceRange* ranges, ptrdiff_t* offset) {
  StridedWalk walk = {};
  walk.rank = x.rank;
  *offset = 0;
  ptrdiff_t step = 1;
  for (int32_t i = x.rank - 1; i >= 0; --i) {
    walk.dims[i] = ranges[i].size;
    walk.stride_a[i] = ranges[i].step * step;
    *offset += ranges[i].begin * step;
    step *= x.size[i];
  }
  walk.Simplify();
  return walk;
}

/// Calls visit(first element of a row of y, first element of the row of x that it repeats) for each row of y = x
/// repeated along every dimension.
template <class Visit>
void ForEachTileRow(const Dims& x, const Dims& y, Visit visit) {
  int32_t index[kMaxRank] = {};
  uint32_t first = 0;
  for (;;) {
    uint32_t at = 0;
    for (int32_t d = 0; d < y.rank; ++d) {
      at = at * static_cast<uint32_t>(x.size[d]) + static_cast<uint32_t>(index[d] % x.size[d]);
    }
    visit(first, at);
    first += static_cast<uint32_t>(y.size[y.rank - 1]);
    int32_t d = y.rank - 2;
    for (; d >= 0 && ++index[d] == y.size[d]; --d) index[d] = 0;
    if (d < 0) return;
  }
}

template <class T>
void TileForward(const Dims& x_dims, const Dims& y_dims, const T* x, T* y) {
  const auto row_x = static_cast<uint32_t>(x_dims.size[x_dims.rank - 1]);
  const auto row_y = static_cast<uint32_t>(y_dims.size[y_dims.rank - 1]);
  ForEachTileRow(x_dims, y_dims, [&](uint32_t first, uint32_t at) {
    for (uint32_t i = 0; i < row_y; ++i) y[first + i] = x[at + i % row_x];
  });
}

/// dx += dy of every repetition.
template <class T>
void TileBackward(const Dims& x_dims, const Dims& y_dims, const T* dy, T* dx) {
  const auto row_x = static_cast<uint32_t>(x_dims.size[x_dims.rank - 1]);
  const auto row_y = static_cast<uint32_t>(y_dims.size[y_dims.rank - 1]);
  ForEachTileRow(x_dims, y_dims, [&](uint32_t first, uint32_t at) {
    for (uint32_t i = 0; i < row_y; ++i) dx[at + i % row_x] += dy[first + i];
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

/// y = x's part.
template <class T>
void SplitForward(const ConcatenationPart& part, const T* x, T* y) {
  x += part.offset;
  for (uint32_t o = 0; o < part.outer; ++o, x += part.stride, y += part.block) {
    for (uint32_t i = 0; i < part.block; ++i) y[i] = x[i];
  }
}

/// dx's part = dy, or zeros where dy is null; added if `accumulate`.
template <class T>
void SplitBackward(const ConcatenationPart& part, const T* dy, bool accumulate, T* dx) {
  dx += part.offset;
  for (uint32_t o = 0; o < part.outer; ++o, dx += part.stride) {
    PutError(accumulate, dx, part.block, [=](uint32_t i) { return dy == nullptr ? T(0) : dy[o * part.block + i]; });
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
