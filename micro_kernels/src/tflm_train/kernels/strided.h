// Walks up to kMaxRank dimensions row by row with two operands of any stride: broadcasting, PAD and TRANSPOSE.
#ifndef TFLM_TRAIN_KERNELS_STRIDED_H_
#define TFLM_TRAIN_KERNELS_STRIDED_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/base/format.h"

namespace tflm_train {

/// A walk over dims in row-major order; operands a and b move by their strides (0: broadcast). A row is the last
/// dimension.
struct StridedWalk {
  int32_t rank;
  int32_t dims[kMaxRank];
  ptrdiff_t stride_a[kMaxRank];
  ptrdiff_t stride_b[kMaxRank];

  uint64_t elements() const {
    uint64_t product = 1;
    for (int32_t i = 0; i < rank; ++i) product *= static_cast<uint64_t>(dims[i]);
    return product;
  }
  uint32_t row_elements() const { return static_cast<uint32_t>(dims[rank - 1]); }
  ptrdiff_t row_stride_a() const { return stride_a[rank - 1]; }
  ptrdiff_t row_stride_b() const { return stride_b[rank - 1]; }

  /// Joins neighbouring dimensions that both operands cross in equal steps: fewer and longer rows, the same order.
  void Simplify() {
    int32_t last = 0;
    for (int32_t i = 1; i < rank; ++i) {
      const bool joins = dims[last] == 1 || dims[i] == 1 ||
                         (stride_a[last] == stride_a[i] * dims[i] && stride_b[last] == stride_b[i] * dims[i]);
      if (!joins) {
        ++last;
        dims[last] = dims[i];
        stride_a[last] = stride_a[i];
        stride_b[last] = stride_b[i];
      } else if (dims[i] != 1) {
        dims[last] *= dims[i];
        stride_a[last] = stride_a[i];
        stride_b[last] = stride_b[i];
      }
    }
    rank = last + 1;
  }
};

/// Calls visit(first element, offset of a, offset of b) for each row, ascending.
template <class Visit>
void ForEachRow(const StridedWalk& walk, Visit visit) {
  int32_t index[kMaxRank] = {};
  size_t first = 0;
  ptrdiff_t a = 0, b = 0;
  for (;;) {
    visit(first, a, b);
    first += walk.row_elements();
    int32_t d = walk.rank - 2;
    for (; d >= 0; --d) {
      a += walk.stride_a[d];
      b += walk.stride_b[d];
      if (++index[d] < walk.dims[d]) break;
      index[d] = 0;
      a -= walk.stride_a[d] * walk.dims[d];
      b -= walk.stride_b[d] * walk.dims[d];
    }
    if (d < 0) return;
  }
}

/// Shape of one operand.
struct Dims {
  int32_t rank;
  int32_t size[kMaxRank];
};

/// Row-major strides of `operand` seen under the shape `dims` of a broadcast's result: 0 where the operand repeats.
/// `dims` must be what numpy's rules give (checked before).
inline void BroadcastStrides(const Dims& dims, const Dims& operand, ptrdiff_t* strides) {
  ptrdiff_t step = 1;
  for (int32_t i = dims.rank - 1; i >= 0; --i) {
    const int32_t own = i - (dims.rank - operand.rank);
    const int32_t size = own >= 0 ? operand.size[own] : 1;
    strides[i] = size == 1 ? 0 : step;
    step *= size;
  }
}

/// The walk over a broadcast's result with both operands.
inline StridedWalk BroadcastWalk(const Dims& dims, const Dims& a, const Dims& b) {
  StridedWalk walk = {};
  walk.rank = dims.rank;
  for (int32_t i = 0; i < dims.rank; ++i) walk.dims[i] = dims.size[i];
  BroadcastStrides(dims, a, walk.stride_a);
  BroadcastStrides(dims, b, walk.stride_b);
  walk.Simplify();
  return walk;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_STRIDED_H_
