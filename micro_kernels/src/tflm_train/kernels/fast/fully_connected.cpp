#include "tflm_train/kernels/fast/fully_connected.h"

#include "tflm_train/kernels/magnitude.h"

namespace tflm_train {
namespace fast {
namespace {

/// Weights whose gradients are summed at a time.
constexpr int32_t kBlock = 32;

/// y += sum of a[k * step] x[k] over n, for `count` rows x[k] that lie `stride` apart.
TFLM_TRAIN_COLD void AddRows(const float* a, uint32_t step, uint32_t count, bool zeros_too, const float* x,
                             uint32_t stride, float* y, int32_t n) {
  for (; count > 0; --count, a += step, x += stride) {
    if (!zeros_too && IsZero(a)) continue;
    const AxpyJob job = {*a, {const_cast<float*>(x), y}};
    inner::Axpy(&job, 1, {{0, 0}, n, 1});
  }
}

}  // namespace

void FullyConnectedBackwardInPasses(const DenseShape& shape, const Selection& selection, const float* dy,
                                    const float* x, const float* w, const RowSink<float>& sink, float* target,
                                    float* bias_target, float* dx) {
  const bool zeros_too = selection.mode == Selection::Mode::kAll;
  const uint32_t batch = shape.batch, inputs = shape.inputs, outputs = shape.outputs;
  const auto n = static_cast<int32_t>(inputs);
  if (dx != nullptr) {
    for (uint32_t b = 0; b < batch; ++b) {
      AddRows(dy + b * outputs, 1, outputs, zeros_too, w, inputs, dx + b * inputs, n);
    }
  }
  if (target != nullptr && batch == 1) {
    return inner::UpdateRows(zeros_too, dy, outputs, sink.scale, x, target, bias_target, nullptr, n);
  }
  const float* const end = dy + batch * outputs;
  for (uint32_t neuron = 0; neuron < outputs; ++neuron, ++dy) {
    if (!selection.every_row() && AllZero(dy, end, outputs)) continue;
    float sums[kBlock];
    for (int32_t first = 0; target != nullptr && first < n; first += kBlock) {
      const int32_t count = n - first < kBlock ? n - first : kBlock;
      inner::Clear(sums, kBlock);
      AddRows(dy, outputs, batch, zeros_too, x + first, inputs, sums, count);
      AddRows(&sink.scale, 0, 1, true, sums, 0, target + neuron * inputs + first, count);
    }
    if (bias_target == nullptr) continue;
    float sum = 0.0f;
    for (const float* error = dy; error < end; error += outputs) sum += *error;
    bias_target[neuron] += sink.scale * sum;
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
