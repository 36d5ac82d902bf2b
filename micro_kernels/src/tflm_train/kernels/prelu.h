// PRELU: y = x > 0 ? x : w x (He et al., Delving Deep into Rectifiers, section 2.1); its slopes w train. x is seen as
// rows [rows, slopes]: rows share the slopes.
#ifndef TFLM_TRAIN_KERNELS_PRELU_H_
#define TFLM_TRAIN_KERNELS_PRELU_H_

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {

struct PreluShape {
  uint32_t rows, slopes;
  uint32_t elements() const { return rows * slopes; }
};

template <class T>
void PreluForward(const PreluShape& s, const T* x, const T* w, T* y, WorkCounters& work) {
  for (uint32_t row = 0; row < s.rows; ++row, x += s.slopes, y += s.slopes) {
    for (uint32_t i = 0; i < s.slopes; ++i) y[i] = x[i] > T(0) ? x[i] : w[i] * x[i];
  }
  Count(work.forward, s.elements());
}

/// dx = dy where x > 0, else w dy; the gradient of a slope, a row of `sink`, is the sum of dy x where x is not above 0.
/// dx and the target may be null, dx may be dy and the target w: a slope's gradient is summed before dy changes, and
/// the slope changes last.
template <class T>
void PreluBackward(const PreluShape& s, const T* x, const T* w, const T* dy, bool accumulate, const Sink<T>& sink,
                   T* target, T* dx, WorkCounters& work) {
  for (uint32_t i = 0; i < s.slopes; ++i) {
    T sum = T(0);
    const T slope = w[i];
    for (uint32_t element = i; element < s.elements(); element += s.slopes) {
      const bool positive = x[element] > T(0);
      const T error = dy[element];
      if (!positive) sum += error * x[element];
      if (dx == nullptr) continue;
      const T passed = positive ? error : slope * error;
      dx[element] = accumulate ? dx[element] + passed : passed;
    }
    if (target != nullptr) sink.End(target + i, &sum, 1);
  }
  if (target != nullptr) Count(work.weight_gradient, s.elements());
  if (dx != nullptr) Count(work.input_error, s.elements());
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_PRELU_H_
