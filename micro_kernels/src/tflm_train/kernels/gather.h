// GATHER of rows of a table that trains: y[p] = w[index[p]], what Keras' Embedding becomes.
#ifndef TFLM_TRAIN_KERNELS_GATHER_H_
#define TFLM_TRAIN_KERNELS_GATHER_H_

#include <cstddef>
#include <cstdint>

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// Indices [positions], table [rows, columns], y [positions, columns].
struct GatherShape {
  uint32_t positions, rows, columns;
  bool IsRow(int32_t index) const { return static_cast<uint32_t>(index) < rows; }
};

/// An index without a row gives zeros: nothing outside the table is read.
template <class T>
void GatherForward(const GatherShape& s, const int32_t* index, const T* w, T* y) {
  for (uint32_t p = 0; p < s.positions; ++p, y += s.columns) {
    const T* row = s.IsRow(index[p]) ? w + static_cast<uint32_t>(index[p]) * size_t{s.columns} : nullptr;
    for (uint32_t i = 0; i < s.columns; ++i) y[i] = row == nullptr ? T(0) : row[i];
  }
}

/// Rows of the table that were read, each the sum of dy over the positions that read it, for `sink` to finish: summed
/// before the target is touched, a few columns at a time. Returns how many they are.
template <class T>
uint32_t GatherTableGradient(const GatherShape& s, const int32_t* index, const T* dy, const Sink<T>& sink, T* target) {
  constexpr uint32_t kBlock = 16;
  T block[kBlock];
  const Workspace<T> sums = sink.Begin({block, kBlock}, s.columns);
  uint32_t rows = 0;
  for (uint32_t p = 0; p < s.positions; ++p) {
    bool first = s.IsRow(index[p]);
    for (uint32_t before = 0; before < p && first; ++before) first = index[before] != index[p];
    if (!first) continue;
    ++rows;
    T* row = target + static_cast<uint32_t>(index[p]) * size_t{s.columns};
    for (uint32_t begin = 0; begin < s.columns; begin += sums.elements) {
      const uint32_t count = s.columns - begin < sums.elements ? s.columns - begin : sums.elements;
      Fill(T(0), sums.values, count);
      for (uint32_t q = p; q < s.positions; ++q) {
        if (index[q] != index[p]) continue;
        const T* error = dy + q * size_t{s.columns} + begin;
        for (uint32_t i = 0; i < count; ++i) sums.values[i] += error[i];
      }
      sink.End(row + begin, sums.values, count);
    }
  }
  return rows;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_GATHER_H_
