// Inner loops of the fast int8 kernels in plain C++.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_INNER_PORTABLE_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_INNER_PORTABLE_H_

#include "tflm_train/kernels/fast/s8/columns.h"
#include "tflm_train/kernels/fast/s8/depthwise_row.h"
#include "tflm_train/kernels/fast/s8/depthwise_sums.h"
#include "tflm_train/kernels/fast/s8/pairs.h"
#include "tflm_train/kernels/fast/s8/pool_window.h"
#include "tflm_train/kernels/s8/arithmetic.h"
#include "tflm_train/kernels/s8/fixed_factor.h"
#include "tflm_train/kernels/s8/requantize.h"

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

/// Four columns of `count` pairs, in an order that AddProducts knows; those that are not there are anything.
void PackPairs(const PairSource& source, int32_t count, int16_t* to);

/// Four columns of zeros.
void ClearPairs(int32_t count, int16_t* to);

/// Pairs of two channels, ErrorPairElements(2, count) of them, one after the other. Returns whether one is not zero.
bool PackErrors(const ErrorPairs& errors, int16_t* to);

/// Adds to each sum the products of all pairs, at least one, of its row and its column. Rows are aligned to a word.
void AddProducts(const PairColumns& columns, const PairRows& rows, const PairSums& sums);
void AddErrorProducts(const PairColumns& columns, const ErrorRowPairs& rows, const PairSums& sums);

/// sums[c] = sum of all taps' errors times their weights, c < channels.
void SumTaps(const ReadingTap* taps, int32_t count, const int16_t* errors, const int8_t* w, int32_t channels,
             int32_t* sums);

/// sums[c * step] = sum over all positions of a channel's error times its input less the zero point; channels <= 4.
void SumPositions(const TapPositions& positions, int32_t channels, int32_t* sums, int32_t step);

/// What int16_errors.h says of these, for errors whose memory is aligned to a word.
uint32_t MaskClamped(int32_t low, int32_t high, const int8_t* y, uint32_t n, int16_t* dy);

/// values[pixel, c] = values[pixel, c] * ratios[c * step] / 2^shift, half up.
void FoldErrors(const int32_t* ratios, uint32_t step, uint32_t channels, int32_t shift, int16_t* values,
                uint32_t pixels);

/// sums[c] = sum of dy[i * step + c], c < channels <= 4, i < count.
void SumErrors(const int16_t* dy, uint32_t count, uint32_t step, uint32_t channels, int32_t* sums);

/// The magnitudes of sums, and of to[i] + sums[i] / 2^shift, half up. Sums have no more than 15 + shift bits here and
/// below.
uint32_t SumMagnitudes(const int32_t* sums, uint32_t n);
uint32_t AddedMagnitudes(const int32_t* sums, uint32_t n, int32_t shift, const int16_t* to);

/// to[i] = sums[i] / 2^shift, or += that: half up, limited to 16 bits.
void PutSums(const int32_t* sums, uint32_t n, int32_t shift, int16_t* to);
void AddSums(const int32_t* sums, uint32_t n, int32_t shift, int16_t* to);

/// y[i] = stage.Add(sign, a[i], b[i]).
void AddRow(const tflm_train::s8::AddStage& stage, int32_t sign, const int8_t* a, const int8_t* b, uint32_t n,
            int8_t* y);

/// AddToMaster of each of n int8 weights and remainders by factor * gradient.
void AddToMasters(float factor, const float* gradient, uint32_t n, int8_t* values, int8_t* remainders);

/// The same by factor * sum, rounded half up.
void AddSumsToMasters(FixedFactor factor, const int32_t* sums, uint32_t n, int8_t* values, int8_t* remainders);

/// The same by factor * x, rounded half up; x in [-255, 255], and `factor` has the precision of a float.
void AddProductsToMasters(FixedFactor factor, const int16_t* x, uint32_t n, int8_t* values, int8_t* remainders);

/// to[i] = x[i] - zero.
void Shift(const int8_t* x, uint32_t n, int32_t zero, int16_t* to);

/// y[c] = the largest of a channel's bytes, within `range`; argmax[c] = number of its tap, the first of equal ones.
/// `argmax` may be null.
void LargestOf(const PoolWindow& window, const Int8Range& range, int8_t* y, uint8_t* argmax);

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_INNER_PORTABLE_H_
