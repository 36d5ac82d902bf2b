#include "tflm_train/kernels/fast/fully_connected.h"

#include "tflm_train/kernels/fast/axpy_queue.h"
#include "tflm_train/kernels/fast/vector.h"

namespace tflm_train {
namespace fast {
namespace {

/// Calls visit(element) for the selected elements of dy.
template <class Visit>
inline void ForEachRow(const Selection& selection, const float* dy, uint32_t elements, Visit&& visit) {
  if (selection.mode == Selection::Mode::kList) {
    for (uint32_t i = 0; i < selection.count; ++i) visit(selection[i]);
    return;
  }
  const bool zeros_too = selection.mode == Selection::Mode::kAll;
  for (uint32_t i = 0; i < elements; ++i) {
    if (zeros_too || !IsZero(dy + i)) visit(i);
  }
}

/// destination[b or o] += scale * dy[b, o] * source[o or b], rows of `inputs`.
void Scatter(const DenseShape& shape, const Selection& selection, const float* dy, float scale, const float* source,
             float* destination, bool to_inputs, uint64_t& macs) {
  const uint32_t outputs = shape.outputs, inputs = shape.inputs;
  AxpyQueue queue({{0, 0}, static_cast<int32_t>(inputs), 1});
  ForEachRow(selection, dy, shape.output_elements(), [&](uint32_t element) {
    const uint32_t b = element / outputs, o = element - b * outputs;
    queue.Add(scale * dy[element], source + (to_inputs ? o : b) * inputs, destination + (to_inputs ? b : o) * inputs);
    Count(macs, inputs);
  });
  queue.Run();
}

}  // namespace

void FullyConnectedForward(const DenseShape& shape, Activation activation, const float* x, const float* w,
                           const float* bias, float* y, uint64_t& macs) {
  const int32_t inputs = static_cast<int32_t>(shape.inputs), outputs = static_cast<int32_t>(shape.outputs);
  for (uint32_t b = 0; b < shape.batch; ++b, x += inputs, y += outputs) {
    inner::Clear(y, shape.outputs);
    const float* row = w;
    int32_t o = 0;
    for (; o + 4 <= outputs; o += 4, row += 4 * inputs) inner::DotRows4(x, row, inputs, inputs, y + o);
    for (; o < outputs; ++o, row += inputs) y[o] = inner::Dot(x, row, inputs, y[o]);
    AddBias(bias, activation, y, 1, outputs);
  }
  Count(macs, uint64_t{shape.output_elements()} * shape.inputs);
}

void FullyConnectedInputError(const DenseShape& shape, const Selection& selection, const float* dy,
                              const float* w, float* dx, uint64_t& macs) {
  Scatter(shape, selection, dy, 1.0f, w, dx, true, macs);
}

void FullyConnectedWeightGradient(const DenseShape& shape, const Selection& selection, const float* dy,
                                  const float* x, float scale, float* dw, uint64_t& macs) {
  Scatter(shape, selection, dy, scale, x, dw, false, macs);
}

void FullyConnectedUpdate(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                          float scale, float* w, float* dx, WorkCounters& work) {
  const uint32_t inputs = shape.inputs;
  ForEachRow(selection, dy, shape.outputs, [&](uint32_t o) {
    inner::UpdateRow(dy[o], scale * dy[o], x, w + o * inputs, dx, static_cast<int32_t>(inputs));
    Count(work.input_error, inputs);
    Count(work.weight_gradient, inputs);
  });
}

}  // namespace fast
}  // namespace tflm_train
