// Tiles of 2x2 outputs of a 3x3 convolution with stride 1: the input is read once for four outputs.
#ifndef TFLM_TRAIN_KERNELS_FAST_CONV_TILE_H_
#define TFLM_TRAIN_KERNELS_FAST_CONV_TILE_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/pooled_tiles.h"
#include "tflm_train/kernels/fast/strip.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/kernels/workspace.h"

namespace tflm_train {
namespace fast {

/// True if a TiledConv can compute the convolution.
inline bool TileFits(const ConvShape& s) {
  return s.filter_h == 3 && s.filter_w == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1 && (s.in_c == 1 || s.in_c % 4 == 0);
}

/// A convolution in rows of tiles, some output channels at a time.
class TiledConv {
 public:
  /// Output channels that ComputeTile and PoolRow take at most.
  static constexpr int32_t kChannels = 16;

  /// `tiles`: in a row.
  TiledConv(const ConvShape& s, const float* x, const float* w, int32_t tiles, const Workspace<float>& workspace);

  /// Goes to the row of tiles whose first outputs have this row.
  void MoveTo(int32_t row);

  /// The outputs of tile `tile` in row-major order, before bias and activation, for channels [first, first + count): to
  /// sums[channel - first][4]. Outputs outside the map may be computed too.
  TFLM_TRAIN_COLD void ComputeTile(int32_t tile, int32_t first, int32_t count, float* sums);

  /// Of every tile in the row the largest output with its position, channels [first, first + count). `to`: at the first
  /// of them.
  TFLM_TRAIN_COLD void PoolRow(int32_t first, int32_t count, PooledTiles to);

 private:
  /// Where a tile reads: its patch of 4x4 inputs, rows `stride` elements apart.
  struct Patch {
    const float* data;
    int32_t stride;
  };
  const float* Filter(int32_t channel) const { return w_ + channel * 9 * s_.in_c; }
  TFLM_TRAIN_COLD Patch PatchOf(int32_t tile, int32_t channel);
  /// ComputeTile for channels in quads.
  TFLM_TRAIN_COLD void SumQuads(int32_t tile, int32_t first, int32_t count, float* sums);

  static constexpr int32_t kPatch = 4;  // inputs under 2x2 outputs of a 3x3 filter, per dimension
  static constexpr int32_t kQuad = 4;   // input channels that are taken at a time, if there is not one

  const ConvShape& s_;
  const float* const x_;
  const float* const w_;
  const int32_t tiles_;
  const int32_t depth_;  // input channels of a patch
  const StripShape row_shape_, patch_shape_;
  const bool in_strip_;  // all patches of a row are in the strip
  float* const strip_;
  int32_t row_ = 0;  // of the image, first of the patches
  float gathered_[kPatch * kPatch * kQuad];
};

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_CONV_TILE_H_
