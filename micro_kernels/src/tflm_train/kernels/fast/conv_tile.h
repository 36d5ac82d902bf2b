// Tiles of 2x2 outputs of a 3x3 convolution with stride 1: the input is read once for four outputs.
#ifndef TFLM_TRAIN_KERNELS_FAST_CONV_TILE_H_
#define TFLM_TRAIN_KERNELS_FAST_CONV_TILE_H_

#include "tflm_train/kernels/types.h"

namespace tflm_train {
namespace fast {

/// True if a TiledConv can compute the convolution.
inline bool TileFits(const ConvShape& s) {
  return s.filter_h == 3 && s.filter_w == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1 && (s.in_c == 1 || s.in_c % 4 == 0);
}

/// Some output channels of a convolution, tile by tile.
class TiledConv {
 public:
  static constexpr int32_t kChannels = 16;

  /// Channels [first, first + kChannels) or as many as there are; `bias` may be null.
  TiledConv(const ConvShape& s, const float* x, const float* w, const float* bias, int32_t first);

  /// Outputs (row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1), before bias and activation, to
  /// sums()[channel - first][4]. Outputs outside the map may be computed too.
  void Compute(int32_t row, int32_t column);

  /// The largest output of the tile, with its bias and at least `low`, to y[channel - first], its position to `winners` (may be null).
  void ComputePooled(int32_t row, int32_t column, float low, float* y, uint8_t* winners);

  int32_t count() const { return count_; }
  const float* sums() const { return sums_; }

 private:
  /// Where the tile at an input position reads its image: the patch of depth_ channels and the distance of its rows.
  struct Patch {
    const float* data;
    int32_t stride;
  };
  Patch PatchAt(int32_t row, int32_t column, int32_t channel);
  void GatherPatch(int32_t row, int32_t column, int32_t channel);

  static constexpr int32_t kPatch = 4;  // inputs under 2x2 outputs of a 3x3 filter, per dimension
  static constexpr int32_t kQuad = 4;   // input channels that are taken at a time, if there is not one

  const ConvShape& s_;
  const float* const x_;
  const float* const w_;
  const int32_t count_;
  const int32_t depth_;  // input channels of a patch
  const uint32_t rows_inside_, columns_inside_;  // patches with origins below lie inside the image
  const float* const bias_;
  float sums_[4 * kChannels];
  float patch_[kPatch * kPatch * kQuad];
};

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_CONV_TILE_H_
