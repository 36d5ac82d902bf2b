// Inner loops of the fast int8 kernels in plain C++.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_INNER_PORTABLE_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_INNER_PORTABLE_H_

#include "tflm_train/kernels/fast/s8/columns.h"
#include "tflm_train/kernels/fast/s8/depthwise_row.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {

/// A column: x[i] - zero, i < n, widened to 16 bits; `column` of `columns` that lie together. In which order is known
/// to the functions below only.
void Widen(const int8_t* x, int32_t n, int32_t zero, int32_t column, int32_t columns, int16_t* to);

/// y[o] = stage(column . w[o] + bias[o]) for all filters.
void DotColumn(const Filters& filters, const int16_t* column, int8_t* y);

/// The same for two columns: y0 and y1.
void DotColumns(const Filters& filters, const int16_t* columns, int8_t* y0, int8_t* y1);

/// The words of up to four channels.
void PackFourChannels(const FourFilters& filters, const ChannelTerms (&terms)[4], bool quick, uint32_t* words);

/// y[position][c] = stage(sum of the taps at strip + position * x_step).
void DepthwiseRow(const DepthwiseFilters& filters, const DepthwisePositions& positions, const int8_t* strip, int8_t* y);

/// AddToMaster of each of n int8 weights and remainders by factor * gradient.
void AddToMasters(float factor, const float* gradient, uint32_t n, int8_t* values, int8_t* remainders);

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_INNER_PORTABLE_H_
