#include "tflm_train/kernels/fast/s8/fully_connected.h"

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/magnitude.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace {

/// A row of weights, and what it is multiplied with.
struct ScaledRow {
  const int8_t* weights;
  float factor;
};

/// y += the sum of `count` scaled rows of n.
TFLM_TRAIN_NOINLINE void AddRows(const ScaledRow* rows, uint32_t count, uint32_t n, float* y) {
  uint32_t i = 0;
  for (; i + 8 <= n; i += 8, y += 8) {
    float a = y[0], b = y[1], c = y[2], d = y[3], e = y[4], f = y[5], g = y[6], h = y[7];
    for (const ScaledRow* row = rows; row < rows + count; ++row) {
      const int8_t* const w = row->weights + i;
      const float factor = row->factor;
      a += factor * static_cast<float>(w[0]);
      b += factor * static_cast<float>(w[1]);
      c += factor * static_cast<float>(w[2]);
      d += factor * static_cast<float>(w[3]);
      e += factor * static_cast<float>(w[4]);
      f += factor * static_cast<float>(w[5]);
      g += factor * static_cast<float>(w[6]);
      h += factor * static_cast<float>(w[7]);
    }
    y[0] = a, y[1] = b, y[2] = c, y[3] = d, y[4] = e, y[5] = f, y[6] = g, y[7] = h;
  }
  for (; i < n; ++i, ++y) {
    float sum = *y;
    for (const ScaledRow* row = rows; row < rows + count; ++row) {
      sum += row->factor * static_cast<float>(row->weights[i]);
    }
    *y = sum;
  }
}

}  // namespace

void FullyConnectedInputError(const DenseShape& shape, const ScaledWeights& w, const float* dy,
                              const Selection& selection, float* dx, uint64_t& macs) {
  constexpr uint32_t kQueue = 16;
  ScaledRow rows[kQueue];
  const bool zeros_too = selection.mode == Selection::Mode::kAll;
  for (uint32_t b = 0; b < shape.batch; ++b, dx += shape.inputs) {
    uint32_t queued = 0;
    const int8_t* weights = w.values;
    for (uint32_t o = 0; o < shape.outputs; ++o, ++dy, weights += shape.inputs) {
      if (zeros_too || !IsZero(dy)) rows[queued++] = {weights, w.Fold(*dy, o)};
      if (queued == 0 || (queued < kQueue && o + 1 < shape.outputs)) continue;
      AddRows(rows, queued, shape.inputs, dx);
      Count(macs, uint64_t{queued} * shape.inputs);
      queued = 0;
    }
  }
}

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
