#include "tflm_train/kernels/fast/fully_connected.h"

#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/vector.h"
#include "tflm_train/runtime/cold.h"

namespace tflm_train {
namespace fast {
namespace {

/// Elements of a selection.
uint64_t Selected(const Selection& selection, const float* dy, uint32_t elements) {
  SelectedElements<float> selected(selection, dy, elements);
  uint64_t count = 0;
  for (uint32_t element; selected.Next(&element);) ++count;
  return count;
}

/// Rows of the weights and of a batch: one is added to the other, times scale dy[b, o].
TFLM_TRAIN_NOINLINE void AddSelected(const DenseShape& shape, const Selection& selection, const float* dy, float scale, Side batch_side,
                 float* batch, float* weights) {
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

void FullyConnectedForward(const DenseShape& shape, Activation activation, const float* x, const float* w,
                           const float* bias, float* y, uint64_t& macs) {
  const int32_t inputs = static_cast<int32_t>(shape.inputs), outputs = static_cast<int32_t>(shape.outputs);
  const float low = LowerBound(activation);
  if (bias == nullptr) inner::Clear(y, shape.output_elements());
  for (uint32_t b = 0; b < shape.batch; ++b, x += inputs, y += outputs) {
    inner::DotRows(x, w, inputs, inputs, outputs, bias != nullptr ? bias : y, low, y);
    if (HasUpperBound(activation)) AddBias(nullptr, activation, y, 1, outputs);
  }
  Count(macs, uint64_t{shape.output_elements()} * shape.inputs);
}

void FullyConnectedBackward(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                            const float* w, float scale, float* target, float* dx, WorkCounters& work) {
  const bool one_sample = shape.batch == 1;
  const bool in_one_pass = one_sample && target == w;
  if (dx != nullptr && !in_one_pass) {
    AddSelected(shape, selection, dy, 1.0f, kDestination, dx, const_cast<float*>(w));
  }
  if (target != nullptr && one_sample) {
    inner::UpdateRows(selection, dy, shape.outputs, scale, x, target, in_one_pass ? dx : nullptr,
                      static_cast<int32_t>(shape.inputs));
  } else if (target != nullptr) {
    AddSelected(shape, selection, dy, scale, kSource, const_cast<float*>(x), target);
  }
  if constexpr (kCountWork) {
    const uint64_t macs = Selected(selection, dy, shape.output_elements()) * shape.inputs;
    if (dx != nullptr) Count(work.input_error, macs);
    if (target != nullptr) Count(work.weight_gradient, macs);
  }
}

}  // namespace fast
}  // namespace tflm_train
