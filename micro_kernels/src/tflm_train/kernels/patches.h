// Patches of an image, which lie in a grid: their sums, their means, and what is added to all pixels of each.
#ifndef TFLM_TRAIN_KERNELS_PATCHES_H_
#define TFLM_TRAIN_KERNELS_PATCHES_H_

#include <cstdint>

namespace tflm_train {

/// Patch (i, j) of `rows` x `columns` covers the pixels from (offset_h + i * stride_h, offset_w + j * stride_w) on,
/// window_h x window_w of them, fewer at the bottom and right of the image [in_h, in_w, channels]; at least one.
struct PatchGrid {
  int32_t in_h, in_w, channels;
  int32_t rows, columns;
  int32_t window_h, window_w;
  int32_t stride_h, stride_w;
  int32_t offset_h, offset_w;
};

/// sums [rows, columns, channels] of the pixels of each patch of x.
void SumPatches(const PatchGrid& grid, const float* x, float* sums);

/// The same times `scale` / pixels of the patch. Where windows lie side by side from the corner on, `means` may be x:
/// no patch overwrites a pixel of a later one.
void MeanPatches(const PatchGrid& grid, float scale, const float* x, float* means);

/// The way back: sums of patches of x from `means`, in place.
void UndoMeans(const PatchGrid& grid, float scale, float* means);

/// dx += sums [rows, columns, channels], each at all pixels of its patch.
void AddToPatches(const PatchGrid& grid, const float* sums, float* dx);

/// The same for the patch (row, column) alone: sums [channels].
void AddToPatch(const PatchGrid& grid, int32_t row, int32_t column, const float* sums, float* dx);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_PATCHES_H_
