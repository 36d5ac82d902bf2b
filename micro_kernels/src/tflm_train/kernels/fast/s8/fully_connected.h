// Fast FULLY_CONNECTED in int8, the same bits as the plain one.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_FULLY_CONNECTED_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_FULLY_CONNECTED_H_

#include "tflm_train/kernels/fast/s8/columns.h"
#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/kernels/s8/operands.h"
#include "tflm_train/kernels/workspace.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// Elements of the workspace of FullyConnectedForward: a column.
constexpr uint32_t FullyConnectedWorkspace(uint32_t inputs) { return ColumnElements(inputs); }

/// As tflm_train::s8::FullyConnectedForward; `workspace` is aligned to a word.
void FullyConnectedForward(const DenseShape& shape, int32_t x_zero, const int8_t* x, const int8_t* w,
                           const int32_t* bias, const OutputStage& stage, int8_t* y,
                           const Workspace<int16_t>& workspace, uint64_t& macs);

/// dx[b] += the selected errors dy[b, o] times their scaled rows of w. Some rows are added together, to what dx has.
void FullyConnectedInputError(const DenseShape& shape, const ScaledWeights& w, const float* dy,
                              const Selection& selection, float* dx, uint64_t& macs);

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_FULLY_CONNECTED_H_
