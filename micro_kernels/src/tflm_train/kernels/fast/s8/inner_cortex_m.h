// Inner loops of the fast int8 kernels for Cortex-M with the DSP extension: two products an instruction.
// The functions are those of inner_portable.h.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_INNER_CORTEX_M_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_INNER_CORTEX_M_H_

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/s8/columns.h"
#include "tflm_train/kernels/fast/s8/depthwise_row.h"
#include "tflm_train/kernels/fast/s8/inner_portable.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {

void Widen(const int8_t* x, int32_t n, int32_t zero, int32_t column, int32_t columns, int16_t* to);
void DotColumn(const Filters& filters, const int16_t* column, int8_t* y);
void DotColumns(const Filters& filters, const int16_t* columns, int8_t* y0, int8_t* y1);

void PackFourChannels(const FourFilters& filters, const ChannelTerms (&terms)[4], bool quick, uint32_t* words);
void DepthwiseRow(const DepthwiseFilters& filters, const DepthwisePositions& positions, const int8_t* strip, int8_t* y);

void PackPairs(const PairSource& source, int32_t count, int16_t* to);
void ClearPairs(int32_t count, int16_t* to);
bool PackErrors(const ErrorPairs& errors, int16_t* to);
void AddProducts(const PairColumns& columns, const PairRows& rows, const PairSums& sums);
void AddErrorProducts(const PairColumns& columns, const ErrorRowPairs& rows, const PairSums& sums);

void SumTaps(const ReadingTap* taps, int32_t count, const int16_t* errors, const int8_t* w, int32_t channels,
             int32_t* sums);
void SumPositions(const TapPositions& positions, int32_t channels, int32_t* sums, int32_t step);

uint32_t MaskClamped(int32_t low, int32_t high, const int8_t* y, uint32_t n, int16_t* dy);
void FoldErrors(const int32_t* ratios, uint32_t step, uint32_t channels, int32_t shift, int16_t* values,
                uint32_t pixels);
void SumErrors(const int16_t* dy, uint32_t count, uint32_t step, uint32_t channels, int32_t* sums);
uint32_t SumMagnitudes(const int32_t* sums, uint32_t n);
uint32_t AddedMagnitudes(const int32_t* sums, uint32_t n, int32_t shift, const int16_t* to);
void PutSums(const int32_t* sums, uint32_t n, int32_t shift, int16_t* to);
void AddSums(const int32_t* sums, uint32_t n, int32_t shift, int16_t* to);

void AddRow(const tflm_train::s8::AddStage& stage, int32_t sign, const int8_t* a, const int8_t* b, uint32_t n,
            int8_t* y);

void AddSumsToMasters(FixedFactor factor, const int32_t* sums, uint32_t n, int8_t* values, int8_t* remainders);
void AddProductsToMasters(FixedFactor factor, const int16_t* x, uint32_t n, int8_t* values, int8_t* remainders);
void LargestOf(const PoolWindow& window, const Int8Range& range, int8_t* y, uint8_t* argmax);
void Shift(const int8_t* x, uint32_t n, int32_t zero, int16_t* to);
#if TFLM_TRAIN_HAS_CORTEX_M_FPU
void AddToMasters(float factor, const float* gradient, uint32_t n, int8_t* values, int8_t* remainders);
#else
using portable::AddToMasters;
#endif

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_INNER_CORTEX_M_H_
