#include "tflm_train/kernels/patches.h"

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/inner.h"

// In all builds sums are those of inner::SumRow, which adds in ascending order.
namespace tflm_train {
namespace {

/// The pixels of a patch, without those that the image lacks.
struct PatchPixels {
  int32_t first;  // element of the first pixel's first channel
  int32_t rows, columns;

  int32_t count() const { return rows * columns; }
};

PatchPixels PixelsOf(const PatchGrid& grid, int32_t row, int32_t column) {
  const int32_t top = grid.offset_h + row * grid.stride_h, left = grid.offset_w + column * grid.stride_w;
  const int32_t below = grid.in_h - top, beside = grid.in_w - left;
  return {(top * grid.in_w + left) * grid.channels, below < grid.window_h ? below : grid.window_h,
          beside < grid.window_w ? beside : grid.window_w};
}

/// y = factor * the sum of the patch's pixels, of which y may be the first one.
TFLM_TRAIN_NOINLINE void SumPatch(const PatchGrid& grid, const PatchPixels& pixels, float factor, const float* x,
                                  float* y) {
  constexpr int32_t kQueue = 16;
  ScaledPatch queue[kQueue];
  int32_t queued = 0;
  const float* row = x + pixels.first;
  for (int32_t i = 0; i < grid.channels; ++i) y[i] = factor * row[i];
  const float* pixel = row + grid.channels;  // behind the first one
  int32_t left = pixels.columns - 1;
  for (int32_t rows = pixels.rows; rows > 0; --rows) {
    for (; left > 0; --left, pixel += grid.channels) {
      queue[queued++] = {pixel, factor};
      if (queued < kQueue) continue;
      inner::SumRow(queue, queued, grid.channels, y);
      queued = 0;
    }
    row += grid.in_w * grid.channels;
    pixel = row;
    left = pixels.columns;
  }
  if (queued != 0) inner::SumRow(queue, queued, grid.channels, y);
}

/// Calls visit(pixels, element of the patch's first channel) for all patches, ascending.
template <class Visit>
void ForEachPatch(const PatchGrid& grid, Visit visit) {
  int32_t element = 0;
  for (int32_t row = 0; row < grid.rows; ++row) {
    for (int32_t column = 0; column < grid.columns; ++column, element += grid.channels) {
      visit(PixelsOf(grid, row, column), element);
    }
  }
}

TFLM_TRAIN_NOINLINE void AddToPixels(const PatchGrid& grid, const PatchPixels& pixels, const float* sums, float* dx) {
  const ScaledPatch patch = {sums, 1.0f};
  float* row = dx + pixels.first;
  for (int32_t rows = pixels.rows; rows > 0; --rows, row += grid.in_w * grid.channels) {
    float* pixel = row;
    for (int32_t left = pixels.columns; left > 0; --left, pixel += grid.channels) {
      inner::SumRow(&patch, 1, grid.channels, pixel);
    }
  }
}

}  // namespace

void SumPatches(const PatchGrid& grid, const float* x, float* sums) {
  ForEachPatch(grid,
               [&](const PatchPixels& pixels, int32_t element) { SumPatch(grid, pixels, 1.0f, x, sums + element); });
}

void MeanPatches(const PatchGrid& grid, float scale, const float* x, float* means) {
  ForEachPatch(grid, [&](const PatchPixels& pixels, int32_t element) {
    SumPatch(grid, pixels, scale / static_cast<float>(pixels.count()), x, means + element);
  });
}

void UndoMeans(const PatchGrid& grid, float scale, float* means) {
  ForEachPatch(grid, [&](const PatchPixels& pixels, int32_t element) {
    const float factor = static_cast<float>(pixels.count()) / scale;
    for (int32_t i = 0; i < grid.channels; ++i) means[element + i] *= factor;
  });
}

void AddToPatches(const PatchGrid& grid, const float* sums, float* dx) {
  ForEachPatch(grid,
               [&](const PatchPixels& pixels, int32_t element) { AddToPixels(grid, pixels, sums + element, dx); });
}

void AddToPatch(const PatchGrid& grid, int32_t row, int32_t column, const float* sums, float* dx) {
  AddToPixels(grid, PixelsOf(grid, row, column), sums, dx);
}

}  // namespace tflm_train
