// Fast FULLY_CONNECTED in float: y[b, o] = activation(bias[o] + sum_i x[b, i] w[o, i]).
// Each function does what its plain twins in kernels/fully_connected.h do.
#ifndef TFLM_TRAIN_KERNELS_FAST_FULLY_CONNECTED_H_
#define TFLM_TRAIN_KERNELS_FAST_FULLY_CONNECTED_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/vector.h"
#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/kernels/row_sink.h"

namespace tflm_train {
namespace fast {

/// Four outputs at once. `bias` may be null.
inline void FullyConnectedForward(const DenseShape& shape, Activation activation, const float* x, const float* w,
                                  const float* bias, float* y, uint64_t& macs) {
  const int32_t inputs = static_cast<int32_t>(shape.inputs), outputs = static_cast<int32_t>(shape.outputs);
  const bool rectify = activation == Activation::kRelu;
  if (bias == nullptr) inner::Clear(y, shape.output_elements());
  float* row = y;
  for (uint32_t left = shape.batch;;) {
    inner::DotRows(x, w, inputs, inputs, outputs, bias != nullptr ? bias : row, rectify, row);
    if (--left == 0) break;
    x += inputs;
    row += outputs;
  }
  if (!rectify && activation != Activation::kNone) {
    AddBias(nullptr, activation, y, static_cast<int32_t>(shape.batch), outputs);
  }
  Count(macs, uint64_t{shape.output_elements()} * shape.inputs);
}

/// Gradients that cannot be added in one pass over the rows: of several samples, or beside the weights.
TFLM_TRAIN_COLD void FullyConnectedBackwardInPasses(const DenseShape& shape, const Selection& selection,
                                                    const float* dy, const float* x, const float* w,
                                                    const RowSink<float>& sink, float* target, float* bias_target,
                                                    float* dx);

/// Multiplications of a pass over the selected rows.
TFLM_TRAIN_COLD uint64_t FullyConnectedMacs(const DenseShape& shape, const Selection& selection, const float* dy);

/// Input error and gradients: dx += dy w from the weights before `sink` finishes the rows dy x of `target` and dy of
/// `bias_target`. dx and the targets may be null, and `target` may be w. `one_pass`: of one sample, `target` is w.
template <bool one_pass>
inline void FullyConnectedBackward(const DenseShape& shape, const Selection& selection, const float* dy, const float* x,
                                   const float* w, const RowSink<float>& sink, float* target, float* bias_target,
                                   float* dx, WorkCounters& work) {
  const bool in_one_pass = one_pass || (shape.batch == 1 && target != nullptr && (dx == nullptr || target == w));
  if (in_one_pass && sink.rule == nullptr) {
    inner::UpdateRows(selection.mode == Selection::Mode::kAll, dy, shape.outputs, sink.scale, x, target, bias_target,
                      dx, static_cast<int32_t>(shape.inputs));
  } else if (one_pass || sink.rule != nullptr) {
    sink.rule->dense(shape, selection, dy, x, w, sink, target, bias_target, dx);
  } else {
    FullyConnectedBackwardInPasses(shape, selection, dy, x, w, sink, target, bias_target, dx);
  }
  if constexpr (kCountWork) {
    const uint64_t macs = FullyConnectedMacs(shape, selection, dy);
    if (dx != nullptr) Count(work.input_error, macs);
    if (target != nullptr) Count(work.weight_gradient, macs);
  }
}

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_FULLY_CONNECTED_H_
