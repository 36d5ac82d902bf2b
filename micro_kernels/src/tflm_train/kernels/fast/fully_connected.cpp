#include "tflm_train/kernels/fast/fully_connected.h"

#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/vector.h"

namespace tflm_train {
namespace fast {
namespace {

/// Calls visit(element) for the selected elements of dy, ascending.
template <class Visit>
inline void ForEachSelected(const Selection& selection, const float* dy, uint32_t elements, Visit&& visit) {
  if (selection.mode == Selection::Mode::kList) {
    for (uint32_t i = 0; i < selection.count; ++i) visit(selection[i]);
    return;
  }
  const bool zeros_too = selection.mode == Selection::Mode::kAll;
  for (uint32_t i = 0; i < elements; ++i) {
    if (zeros_too || !IsZero(dy + i)) visit(i);
  }
}

/// Adds scaled rows of one matrix to rows of another, a few at a time so that the cost of a call is shared.
class RowQueue {
 public:
  RowQueue(const DenseShape& shape, uint64_t& macs)
      : shape_{{0, 0}, static_cast<int32_t>(shape.inputs), 1}, macs_(macs) {}

  void Add(float a, const float* x, float* y) {
    jobs_[count_] = {a, {const_cast<float*>(x), y}};
    if (++count_ == kCapacity) Run();
  }
  void Run() {
    inner::Axpy(jobs_, count_, shape_);
    Count(macs_, static_cast<uint64_t>(count_) * static_cast<uint64_t>(shape_.n));
    count_ = 0;
  }

 private:
  static constexpr int32_t kCapacity = 16;
  const AxpyShape shape_;
  uint64_t& macs_;
  int32_t count_ = 0;
  AxpyJob jobs_[kCapacity];
};

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
  RowQueue queue(shape, macs);
  ForEachSelected(selection, dy, shape.output_elements(), [&](uint32_t element) {
    const uint32_t b = shape.batch == 1 ? 0 : element / shape.outputs, o = element - b * shape.outputs;
    queue.Add(dy[element], w + o * shape.inputs, dx + b * shape.inputs);
  });
  queue.Run();
}

void FullyConnectedWeightGradient(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                                  float scale, float* dw, uint64_t& macs) {
  RowQueue queue(shape, macs);
  ForEachSelected(selection, dy, shape.output_elements(), [&](uint32_t element) {
    const uint32_t b = shape.batch == 1 ? 0 : element / shape.outputs, o = element - b * shape.outputs;
    queue.Add(scale * dy[element], x + b * shape.inputs, dw + o * shape.inputs);
  });
  queue.Run();
}

void FullyConnectedUpdate(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                          float scale, float* w, float* dx, WorkCounters& work) {
  const uint32_t inputs = shape.inputs;
  ForEachSelected(selection, dy, shape.outputs, [&](uint32_t o) {
    inner::UpdateRow(dy[o], scale * dy[o], x, w + o * inputs, dx, static_cast<int32_t>(inputs));
    Count(work.input_error, inputs);
    Count(work.weight_gradient, inputs);
  });
}

}  // namespace fast
}  // namespace tflm_train
