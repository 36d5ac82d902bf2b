// Where the largest outputs of tiles go.
#ifndef TFLM_TRAIN_KERNELS_FAST_POOLED_TILES_H_
#define TFLM_TRAIN_KERNELS_FAST_POOLED_TILES_H_

#include <cstdint>

namespace tflm_train {

/// Pointers: at the first tile, its first channel. Whoever wants no winners lets all tiles share a place for them.
struct PooledTiles {
  const float* bias;
  float low;  // an output is at least that; a NaN stays one
  float* y;
  uint8_t* winners;              // positions of the largest in their tile: 0 to 3, row-major
  int32_t y_step, winners_step;  // from tile to tile
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_POOLED_TILES_H_
