#include "tflm_train/kernels/fast/fully_connected.h"

#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/selected_rows.h"
#include "tflm_train/kernels/fast/vector.h"

namespace tflm_train {
namespace fast {
namespace {

/// Rows that a selection visits.
uint64_t SelectedRows(const Selection& selection, const float* dy, uint32_t count) {
  uint64_t rows = 0;
  ForEachSelectedRow(selection, dy, count, nullptr, 0, [&rows](float, float*) { ++rows; });
  return rows;
}

/// Calls visit(b, o, dy) for the selected elements, ascending.
template <class Visit>
inline void ForEachSelected(const DenseShape& shape, const Selection& selection, const float* dy, Visit&& visit) {
  if (selection.mode == Selection::Mode::kList) {
    for (uint32_t i = 0; i < selection.count; ++i) {
      const uint32_t element = selection[i], b = element / shape.outputs;
      visit(b, element - b * shape.outputs, dy[element]);
    }
    return;
  }
  const bool zeros_too = selection.mode == Selection::Mode::kAll;
  for (uint32_t b = 0; b < shape.batch; ++b) {
    for (uint32_t o = 0; o < shape.outputs; ++o, ++dy) {
      if (zeros_too || !IsZero(dy)) visit(b, o, *dy);
    }
  }
}

/// y += a * x over n
inline void AddRow(float a, const float* x, float* y, uint32_t n, uint64_t& macs) {
  const AxpyJob job = {a, {const_cast<float*>(x), y}};
  inner::Axpy(&job, 1, {{0, 0}, static_cast<int32_t>(n), 1});
  Count(macs, n);
}

}  // namespace

void FullyConnectedForward(const DenseShape& shape, Activation activation, const float* x, const float* w,
                           const float* bias, float* y, uint64_t& macs) {
  const int32_t inputs = static_cast<int32_t>(shape.inputs), outputs = static_cast<int32_t>(shape.outputs);
  for (uint32_t b = 0; b < shape.batch; ++b, x += inputs, y += outputs) {
    inner::Clear(y, shape.outputs);
    inner::DotRows(x, w, inputs, inputs, outputs, y);
    AddBias(bias, activation, y, 1, outputs);
  }
  Count(macs, uint64_t{shape.output_elements()} * shape.inputs);
}

void FullyConnectedInputError(const DenseShape& shape, const Selection& selection, const float* dy, const float* w,
                              float* dx, uint64_t& macs) {
  const uint32_t n = shape.inputs;
  ForEachSelected(shape, selection, dy, [&](uint32_t b, uint32_t o, float error) {
    AddRow(error, w + o * n, dx + b * n, n, macs);
  });
}

void FullyConnectedWeightGradient(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                                  float scale, float* dw, uint64_t& macs) {
  const uint32_t n = shape.inputs;
  if (shape.batch == 1) {
    inner::AddRows(selection, dy, shape.outputs, scale, x, dw, static_cast<int32_t>(n));
    if constexpr (kCountWork) Count(macs, SelectedRows(selection, dy, shape.outputs) * n);
    return;
  }
  ForEachSelected(shape, selection, dy, [&](uint32_t b, uint32_t o, float error) {
    AddRow(scale * error, x + b * n, dw + o * n, n, macs);
  });
}

void FullyConnectedUpdate(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                          float scale, float* w, float* dx, WorkCounters& work) {
  inner::UpdateRows(selection, dy, shape.outputs, scale, x, w, dx, static_cast<int32_t>(shape.inputs));
  if constexpr (kCountWork) {
    const uint64_t macs = SelectedRows(selection, dy, shape.outputs) * shape.inputs;
    Count(work.input_error, macs);
    Count(work.weight_gradient, macs);
  }
}

}  // namespace fast
}  // namespace tflm_train
