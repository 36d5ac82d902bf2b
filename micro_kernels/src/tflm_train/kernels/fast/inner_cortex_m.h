// Inner loops of the fast kernels for Cortex-M with FPv4 or FPv5: load and store multiple, fused multiply-add.
// The functions are those of inner_portable.h.
#ifndef TFLM_TRAIN_KERNELS_FAST_INNER_CORTEX_M_H_
#define TFLM_TRAIN_KERNELS_FAST_INNER_CORTEX_M_H_

#include <cstdint>

#include "tflm_train/kernels/build_config.h"
#include "tflm_train/kernels/fast/axpy_job.h"
#include "tflm_train/kernels/fast/pooled_tiles.h"
#include "tflm_train/kernels/types.h"

#if TFLM_TRAIN_HAS_CORTEX_M_FPU

namespace tflm_train {
namespace cortex_m {

void Axpy(const AxpyJob* jobs, int32_t count, const AxpyShape& shape);
void SumPatches(const ScaledPatch* patches, int32_t count, const AxpyShape& shape, float* y);
void SumRow(const ScaledPatch* patches, int32_t count, int32_t n, float* y);
bool SumsPatches(const AxpyShape& shape);
void ScatterPixels(const PixelScatter& s, int32_t pixels, const float* dy, const uint8_t* winners, float* image);
void DotRows(const float* x, const float* w, int32_t stride, int32_t n, int32_t rows, const float* start, bool rectify,
             float* y);
void UpdateRows(bool zeros_too, const float* dy, uint32_t count, float scale, const float* x, float* w, float* bias,
                float* dx, int32_t n);
void MultiplyAdd(const float* a, const float* b, float* y, int32_t n);
void ConvTile1(const float* patch, int32_t patch_stride, const float* w, int32_t count, float* sums);
void ConvTile4(const float* patch, int32_t patch_stride, const float* w, int32_t channels, int32_t count, float* sums);
void PoolTile(const float* sums, int32_t count, const PooledTiles& to);
void ConvPoolRow1(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count,
                  const PooledTiles& to);
void ConvPoolRow4(const float* strip, int32_t stride, int32_t tiles, const float* w, int32_t count,
                  const PooledTiles& to);
void Clear(float* x, uint32_t n);
void CopyRows(const float* x, int32_t x_stride, float* y, int32_t y_stride, int32_t n, int32_t rows);
bool AllFinite(const float* x, uint32_t n);
void MaskRectified(const float* y, float* dy, uint32_t n);

}  // namespace cortex_m
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_FPU

#endif  // TFLM_TRAIN_KERNELS_FAST_INNER_CORTEX_M_H_
