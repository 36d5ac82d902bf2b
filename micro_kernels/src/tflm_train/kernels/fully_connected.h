// FULLY_CONNECTED: y[b, o] = act(sum_i x[b, i] w[o, i] + bias[o]).
#ifndef TFLM_TRAIN_KERNELS_FULLY_CONNECTED_H_
#define TFLM_TRAIN_KERNELS_FULLY_CONNECTED_H_

#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/locator.h"
#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/kernels/selected_elements.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// x [batch, inputs], w [outputs, inputs], y [batch, outputs].
struct DenseShape {
  uint32_t batch, inputs, outputs;
  uint32_t output_elements() const { return batch * outputs; }
  /// An element's column() is its batch row, its channel() the neuron.
  DirectLocator Locator() const { return {static_cast<int32_t>(batch), static_cast<int32_t>(outputs)}; }
};

struct FullyConnected {
  /// `bias` may be null.
  template <class T>
  static void Forward(const DenseShape& s, const T* x, const T* w, const T* bias, Activation activation, T* y,
                      WorkCounters& work) {
    const Bounds<T> bounds(activation);
    for (uint32_t b = 0; b < s.batch; ++b, x += s.inputs, y += s.outputs) {
      const T* row = w;
      for (uint32_t o = 0; o < s.outputs; ++o, row += s.inputs) {
        T sum = Dot(T(0), x, row, s.inputs);
        if (bias != nullptr) sum += bias[o];
        y[o] = bounds.Clamp(sum);
      }
    }
    Count(work.forward, uint64_t{s.output_elements()} * s.inputs);
  }

  /// dx[b] += dy[b, o] * w[o].
  template <class W, class T>
  static void InputError(const DenseShape& s, const W& w, const T* dy, const Selection& selection, T* dx,
                         WorkCounters& work) {
    DirectLocator locator = s.Locator();
    SelectedElements<T> selected(selection, dy, s.output_elements());
    uint32_t element;
    while (selected.Next(&element)) {
      locator.MoveTo(element);
      const auto channel = static_cast<uint32_t>(locator.channel());
      Axpy(Fold(w, dy[element], channel), ValuesOf(w) + size_t{channel} * s.inputs,
           dx + size_t(locator.column()) * s.inputs, s.inputs);
      Count(work.input_error, s.inputs);
    }
  }

  /// Rows sum_b dy[b, o] * x[b], one for each neuron, for `sink` to finish: what is added to a weight is summed before,
  /// a few weights at a time.
  template <class T>
  static void WeightGradient(const DenseShape& s, const T* x, const T* dy, const Selection& selection,
                             const Sink<T>& sink, T* target, WorkCounters& work) {
    constexpr uint32_t kBlock = 16;
    T block[kBlock];
    const Workspace<T> sums = sink.Begin({block, kBlock}, s.inputs);
    for (uint32_t o = 0; o < s.outputs; ++o, target += s.inputs) {
      const ChannelRange neuron = {o, 1, s.outputs};
      if (!SelectsChannel(selection, dy, s.output_elements(), o, s.outputs)) continue;
      for (uint32_t first = 0; first < s.inputs; first += sums.elements) {
        const uint32_t count = s.inputs - first < sums.elements ? s.inputs - first : sums.elements;
        Fill(T(0), sums.values, count);
        ForEachSelected(selection, dy, s.output_elements(), neuron, [&](uint32_t element) {
          Axpy(dy[element], x + size_t{element / s.outputs} * s.inputs + first, sums.values, count);
          Count(work.weight_gradient, count);
        });
        sink.End(target + first, sums.values, count);
      }
    }
  }

  /// InputError and WeightGradient into the weights themselves, in one pass over each selected row. Batch 1 only: no
  /// other row's error reads the row, so it may change at once.
  template <class T>
  static void BackwardRows(const DenseShape& s, const T* x, T* w, const T* dy, const Selection& selection, T scale,
                           T* dx, WorkCounters& work) {
    SelectedElements<T> selected(selection, dy, s.outputs);
    uint32_t element;
    while (selected.Next(&element)) {
      UpdateRow(dy[element], scale * dy[element], x, w + size_t(element) * s.inputs, dx, s.inputs);
      Count(work.input_error, s.inputs);
      Count(work.weight_gradient, s.inputs);
    }
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FULLY_CONNECTED_H_
