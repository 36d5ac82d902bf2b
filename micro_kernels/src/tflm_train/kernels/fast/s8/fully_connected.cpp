#include "tflm_train/kernels/fast/s8/fully_connected.h"

#include "tflm_train/kernels/fast/s8/inner.h"

namespace tflm_train {
namespace fast {
namespace s8 {

void FullyConnectedForward(const DenseShape& shape, int32_t x_zero, const int8_t* x, const int8_t* w,
                           const int32_t* bias, const OutputStage& stage, int8_t* y,
                           const Workspace<int16_t>& workspace, uint64_t& macs) {
  const auto inputs = static_cast<int32_t>(shape.inputs), outputs = static_cast<int32_t>(shape.outputs);
  const QuickStage quick(stage, outputs);
  const Filters neurons = {w, bias, inputs, outputs, quick};
  for (uint32_t b = 0; b < shape.batch; ++b, x += inputs, y += outputs) {
    inner::Widen(x, inputs, x_zero, 0, 1, workspace.values);
    inner::DotColumn(neurons, workspace.values, y);
  }
  Count(macs, uint64_t{shape.output_elements()} * shape.inputs);
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
