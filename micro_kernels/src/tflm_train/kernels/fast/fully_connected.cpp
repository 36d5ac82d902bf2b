#include "tflm_train/kernels/fast/fully_connected.h"

namespace tflm_train {
namespace fast {
namespace {

/// Rows of the weights and of a batch: one is added to the other, times scale dy[b, o].
TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE void AddSelected(const DenseShape& shape, const Selection& selection,
                                                     const float* dy, float scale, Side batch_side, float* batch,
                                                     float* weights) {
  const int32_t n = static_cast<int32_t>(shape.inputs);
  DirectLocator locator = shape.Locator();
  SelectedElements<float> selected(selection, dy, shape.output_elements());
  for (uint32_t element; selected.Next(&element);) {
    locator.MoveTo(element);
    AxpyJob job;
    job.a = scale * dy[element];
    job.patch[batch_side] = batch + locator.column() * n;
    job.patch[1 - batch_side] = weights + locator.channel() * n;
    inner::Axpy(&job, 1, {{0, 0}, n, 1});
  }
}

}  // namespace

void FullyConnectedBackwardInPasses(const DenseShape& shape, const Selection& selection, const float* dy,
                                    const float* x, const float* w, float scale, float* target, float* bias_target,
                                    float* dx) {
  if (dx != nullptr) AddSelected(shape, selection, dy, 1.0f, kDestination, dx, const_cast<float*>(w));
  if (target != nullptr && shape.batch == 1) {
    inner::UpdateRows(selection.mode == Selection::Mode::kAll, dy, shape.outputs, scale, x, target, bias_target,
                      nullptr, static_cast<int32_t>(shape.inputs));
    return;
  }
  if (target != nullptr) AddSelected(shape, selection, dy, scale, kSource, const_cast<float*>(x), target);
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
