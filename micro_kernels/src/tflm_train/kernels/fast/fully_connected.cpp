#include "tflm_train/kernels/fast/fully_connected.h"

namespace tflm_train {
namespace fast {
namespace {

/// dx[b] += dy[b, o] w[o].
TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE void AddRows(const DenseShape& shape, const Selection& selection, const float* dy,
                                                 const float* w, float* dx) {
  const int32_t n = static_cast<int32_t>(shape.inputs);
  DirectLocator locator = shape.Locator();
  SelectedElements<float> selected(selection, dy, shape.output_elements());
  for (uint32_t element; selected.Next(&element);) {
    locator.MoveTo(element);
    const AxpyJob job = {dy[element], {const_cast<float*>(w) + locator.channel() * n, dx + locator.column() * n}};
    inner::Axpy(&job, 1, {{0, 0}, n, 1});
  }
}

}  // namespace

void FullyConnectedBackwardInPasses(const DenseShape& shape, const Selection& selection, const float* dy,
                                    const float* x, const float* w, float scale, float* target, float* bias_target,
                                    float* dx) {
  if (dx != nullptr) AddRows(shape, selection, dy, w, dx);
  if (target != nullptr && shape.batch == 1) {
    inner::UpdateRows(selection.mode == Selection::Mode::kAll, dy, shape.outputs, scale, x, target, bias_target,
                      nullptr, static_cast<int32_t>(shape.inputs));
    return;
  }
  WorkCounters counted_by_the_caller;
  if (target != nullptr) {
    FullyConnected::WeightGradient(shape, x, dy, selection, scale, target, counted_by_the_caller);
  }
  if (bias_target != nullptr) {
    BiasGradient(dy, shape.output_elements(), shape.outputs, scale, bias_target);
  }
}

uint64_t FullyConnectedMacs(const DenseShape& shape, const Selection& selection, const float* dy) {
  SelectedElements<float> selected(selection, dy, shape.output_elements());
  uint64_t count = 0;
  for (uint32_t element; selected.Next(&element);) ++count;
  return count * shape.inputs;
}

}  // namespace fast
}  // namespace tflm_train
