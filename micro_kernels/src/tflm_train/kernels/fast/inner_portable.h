// Inner loops of the fast kernels in plain C++, unrolled so that compilers hoist loads and pair multiply-adds.
#ifndef TFLM_TRAIN_KERNELS_FAST_INNER_PORTABLE_H_
#define TFLM_TRAIN_KERNELS_FAST_INNER_PORTABLE_H_

#include <cstdint>

#include "tflm_train/kernels/fast/axpy_job.h"
#include "tflm_train/kernels/fast/pooled_tiles.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {
namespace portable {

/// Does `count` jobs of one shape in turn. The two patches of a job do not overlap.
void Axpy(const AxpyJob* jobs, int32_t count, const AxpyShape& shape);

/// y += the sum of `count` > 0 scaled patches of shape.rows rows of n elements: stride[kSource] is theirs,
/// stride[kDestination] that of y, which overlaps none of them. For shapes of which SumsPatches is true.
void SumPatches(const ScaledPatch* patches, int32_t count, const AxpyShape& shape, float* y);

/// y += the sum of `count` > 0 scaled rows of n elements, n >= 0; y overlaps none of them.
void SumRow(const ScaledPatch* patches, int32_t count, int32_t n, float* y);

/// True if SumPatches is the cheaper way where many patches have one destination.
bool SumsPatches(const AxpyShape& shape);

/// Does the jobs of `pixels` pixels: errors dy[pixels, channels] with one byte of `winners` each, `image` at the first
/// pixel's first patch.
void ScatterPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image);

/// y[r] = start[r] + x . w[r], for `rows` rows of n, `stride` apart. `rectify`: then a ReLU (a NaN stays one).
/// `start` may be y.
void DotRows(const float* x, const float* w, int32_t stride, int32_t n, int32_t rows, const float* start, bool rectify,
             float* y);

/// Backward pass of a dense layer for one sample, over those of `count` rows of n whose error is not zero (or all):
/// dx += dy[r] * w[r], then w[r] += scale * dy[r] * x and bias[r] += scale * dy[r]. dx and `bias` may be null. No two
/// arrays overlap.
void UpdateRows(bool zeros_too, const float* dy, uint32_t count, float scale, const float* x, float* w, float* bias,
                float* dx, int32_t n);

/// y[i] += a[i] * b[i] over n; y overlaps neither.
void MultiplyAdd(const float* a, const float* b, float* y, int32_t n);

/// The 2x2 outputs of a 3x3 filter, stride 1, over a patch of 4x4 inputs of one channel, for `count` filters [3, 3]:
/// sums[o][2 * row + column] = ... The patch's rows are `patch_stride` apart.
void ConvTile1(const float* patch, int32_t patch_stride, const float* w, int32_t count, float* sums);

/// The same for four of `channels` input channels: patch [4, 4, 4], filters [3, 3, channels] with `w` at the first of
/// the four. Adds to `sums`.
void ConvTile4(const float* patch, int32_t patch_stride, const float* w, int32_t channels, int32_t count, float* sums);

/// y[c] = bias[c] + largest of sums[c][4], at least `low`; winners[c] = its index, the first one on ties, any one where
/// all are below `low`.
void PoolTile(const float* sums, int32_t count, const PooledTiles& to);

/// ConvTile1, then PoolTile, for `tiles` patches that lie two columns apart in a strip with rows `stride` elements
/// apart.
void ConvPoolRow1(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count,
                  const PooledTiles& to);

/// The same with ConvTile4 for an image of four channels.
void ConvPoolRow4(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count,
                  const PooledTiles& to);

/// x[0, n) = 0.
void Clear(float* x, uint32_t n);

/// y[r] = x[r] for `rows` rows of n, the rows `x_stride` and `y_stride` apart.
void CopyRows(const float* x, int32_t x_stride, float* y, int32_t y_stride, int32_t n, int32_t rows);

/// None of x[0, n) is NaN or infinite.
bool AllFinite(const float* x, uint32_t n);

/// dy = 0 over n where y, the output of a ReLU, is not positive.
void MaskRectified(const float* y, float* dy, uint32_t n);

}  // namespace portable
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_INNER_PORTABLE_H_
