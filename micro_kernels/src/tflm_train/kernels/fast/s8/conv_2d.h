// Fast CONV_2D in int8, the same bits as the plain one. Geometry: ConvShape.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_H_

#include "tflm_train/kernels/fast/s8/columns.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/kernels/workspace.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// The window is a pixel, and so are steps: what is under it lies together in the image.
constexpr bool IsPointwise(const ConvShape& s) {
  return s.filter_h == 1 && s.filter_w == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_top == 0 && s.pad_left == 0;
}

/// Elements of the workspace of Conv2DForward: two columns, and behind them the bytes of one that is gathered.
/// UINT32_MAX for what no memory holds.
constexpr uint32_t Conv2DWorkspace(const ConvShape& s) {
  const uint64_t column = ColumnElements(static_cast<uint32_t>(s.filter_h * s.filter_w * s.in_c));
  const uint64_t found = 2 * column + (IsPointwise(s) ? 0 : column / 2);
  return found < UINT32_MAX ? static_cast<uint32_t>(found) : UINT32_MAX;
}

/// As the plain kernel; `workspace` is aligned to a word. Not grouped.
void Conv2DForward(const ConvShape& shape, int32_t x_zero, const int8_t* x, const int8_t* w, const int32_t* bias,
                   const OutputStage& stage, int8_t* y, const Workspace<int16_t>& workspace, uint64_t& macs);

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_CONV_2D_H_
