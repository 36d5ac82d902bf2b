// Backward passes of layers with int8 weights and inputs for errors of 16-bit integers that have taken up the scales of
// the weights (FoldErrors): all sums are exact integers of 32 bits, which the size of the errors keeps from overflow.
#ifndef TFLM_TRAIN_KERNELS_S8_INT16_LAYERS_H_
#define TFLM_TRAIN_KERNELS_S8_INT16_LAYERS_H_

#include "tflm_train/kernels/conv_2d.h"
#include "tflm_train/kernels/depthwise_conv_2d.h"
#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/kernels/s8/int16_errors.h"

namespace tflm_train {

/// An int8 input less its zero point.
struct ShiftedIntegers {
  const int8_t* values;
  int32_t zero;

  ShiftedIntegers operator+(size_t n) const { return {values + n, zero}; }
  int32_t operator[](size_t i) const { return values[i] - zero; }
};

/// y += a * x.
inline void Axpy(int32_t a, const ShiftedIntegers& x, int32_t* TFLM_TRAIN_RESTRICT y, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) y[i] += a * (x.values[i] - x.zero);
}
inline void Axpy(int32_t a, const int8_t* TFLM_TRAIN_RESTRICT x, int32_t* TFLM_TRAIN_RESTRICT y, uint32_t n) {
  for (uint32_t i = 0; i < n; ++i) y[i] += a * x[i];
}

namespace s8 {

/// The output position from which tap `u` of a window reads input position `at`, in one dimension; -1 if none does.
inline int32_t ReaderOf(int32_t at, int32_t u, int32_t stride, int32_t dilation, int32_t pad, int32_t outputs) {
  const int32_t from = at + pad - u * dilation;
  if (stride == 1) return from < outputs ? (from < 0 ? -1 : from) : -1;
  return from >= 0 && from % stride == 0 && from / stride < outputs ? from / stride : -1;
}

/// Calls visit(offset of the position in the error, number of the tap) for all taps that read an input position.
template <class Visit>
void ForEachReader(const ConvShape& s, int32_t row, int32_t column, Visit visit) {
  for (int32_t u = 0; u < s.filter_h; ++u) {
    const int32_t i = ReaderOf(row, u, s.stride_h, s.dilation_h, s.pad_top, s.out_h);
    if (i < 0) continue;
    for (int32_t v = 0; v < s.filter_w; ++v) {
      const int32_t j = ReaderOf(column, v, s.stride_w, s.dilation_w, s.pad_left, s.out_w);
      if (j >= 0) visit(size_t(i * s.out_w + j) * size_t(s.out_c), size_t(u * s.filter_w + v));
    }
  }
}

/// An input position's sums [in_c], of CONV_2D.
inline void InputErrorAt(const ConvShape& s, const tflm_train::Conv2d*, const int8_t* w, const int16_t* dy, int32_t row,
                         int32_t column, int32_t* sums, WorkCounters& work) {
  const auto inputs = static_cast<uint32_t>(s.in_c);
  const size_t filter_elements = tflm_train::Conv2d::FilterElements(s);
  ForEachReader(s, row, column, [&](size_t position, size_t tap) {
    const int8_t* weights = w + tap * inputs;
    for (int32_t channel = 0; channel < s.out_c; ++channel, weights += filter_elements) {
      const int32_t error = dy[position + size_t(channel)];
      if (error == 0) continue;
      Axpy(error, weights, sums, inputs);
      Count(work.input_error, inputs);
    }
  });
}

/// The same of DEPTHWISE_CONV_2D.
inline void InputErrorAt(const ConvShape& s, const tflm_train::DepthwiseConv2d*, const int8_t* w, const int16_t* dy,
                         int32_t row, int32_t column, int32_t* sums, WorkCounters& work) {
  ForEachReader(s, row, column, [&](size_t position, size_t tap) {
    const int8_t* weights = w + tap * size_t(s.out_c);
    int32_t input = 0, copy = 0;
    for (int32_t channel = 0; channel < s.out_c; ++channel) {
      const int32_t error = dy[position + size_t(channel)];
      sums[input] += error * weights[channel];
      if (error != 0) Count(work.input_error, 1);
      if (++copy == s.depth_multiplier) {
        copy = 0;
        ++input;
      }
    }
  });
}

/// The input's error dy * w, position by position. `sums`: room for [in_c].
template <class Conv>
void ConvInputError(const ConvShape& s, const int8_t* w, const int16_t* dy, int32_t* sums, ErrorRows& dx,
                    WorkCounters& work) {
  const auto inputs = static_cast<uint32_t>(s.in_c);
  uint32_t at = 0;
  for (int32_t row = 0; row < s.in_h; ++row) {
    for (int32_t column = 0; column < s.in_w; ++column, at += inputs) {
      Fill(int32_t{0}, sums, inputs);
      InputErrorAt(s, static_cast<const Conv*>(nullptr), w, dy, row, column, sums, work);
      dx.Put(at, sums, inputs);
    }
  }
}

/// The same of FULLY_CONNECTED. `sums`: room for [inputs].
inline void DenseInputError(const DenseShape& s, const int8_t* w, const int16_t* dy, int32_t* sums, ErrorRows& dx,
                            WorkCounters& work) {
  for (uint32_t b = 0; b < s.batch; ++b, dy += s.outputs) {
    Fill(int32_t{0}, sums, s.inputs);
    for (uint32_t o = 0; o < s.outputs; ++o) {
      if (dy[o] == 0) continue;
      Axpy(dy[o], w + size_t{o} * s.inputs, sums, s.inputs);
      Count(work.input_error, s.inputs);
    }
    dx.Put(b * s.inputs, sums, s.inputs);
  }
}

/// Rows dy * x of FULLY_CONNECTED, one for each selected neuron: end(its first weight, neuron, sums, weights, 1).
/// `sums`: room for a row.
template <class End>
void DenseWeightGradientRows(const DenseShape& s, const ShiftedIntegers& x, const int16_t* dy,
                             const Selection& selection, int32_t* sums, WorkCounters& work, End end) {
  const uint32_t elements = s.output_elements();
  for (uint32_t o = 0; o < s.outputs; ++o) {
    if (!SelectsChannel(selection, dy, elements, o, s.outputs)) continue;
    Fill(int32_t{0}, sums, s.inputs);
    ForEachSelected(selection, dy, elements, {o, 1, s.outputs}, [&](uint32_t element) {
      Axpy(dy[element], x + size_t{element / s.outputs} * s.inputs, sums, s.inputs);
      Count(work.weight_gradient, s.inputs);
    });
    end(size_t{o} * s.inputs, o, sums, s.inputs, 1u);
  }
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_INT16_LAYERS_H_
