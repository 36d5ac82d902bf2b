// What becomes of the gradient of a parameter, a row at a time: the weights of one output channel, neuron or table row.
#ifndef TFLM_TRAIN_KERNELS_ROW_SINK_H_
#define TFLM_TRAIN_KERNELS_ROW_SINK_H_

#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/types.h"
#include "tflm_train/kernels/workspace.h"

namespace tflm_train {

struct DenseShape;
template <class T>
struct RowSink;

/// How an update rule that needs whole gradients is called. Objects are constants with static storage; they alone name
/// these functions, so that a firmware without such a rule does not link them.
template <class T>
struct RowRule {
  /// Room for the gradient of a row of n weights, for kernels that have none; `block` where none was planned.
  Workspace<T> (*begin)(const RowSink<T>& sink, const Workspace<T>& block, uint32_t n);
  /// The row's gradient is whole: changes weights[i] by gradient[i], i < n.
  void (*end)(const RowSink<T>& sink, T* weights, const T* gradient, uint32_t n);
  /// The same for weights[i * step].
  void (*end_strided)(const RowSink<T>& sink, T* weights, const T* gradient, uint32_t n, uint32_t step);
  /// The same for the biases of the selected channels, a row each, from the errors dy [elements / channels, channels].
  void (*end_biases)(const RowSink<T>& sink, T* biases, const Selection& selection, const T* dy, uint32_t elements,
                     uint32_t channels);
  /// The backward pass of a dense layer for the selected errors dy: dx += dy w, then the same for the rows dy x and
  /// their biases. dx and the targets may be null.
  void (*dense)(const DenseShape& shape, const Selection& selection, const T* dy, const T* x, const T* w,
                const RowSink<T>& sink, T* target, T* biases, T* dx);
};

/// Without a rule (SGD, accumulation) the end of a row adds scale * gradient to its target: the weights themselves
/// (scale = -learning rate) or a buffer (scale = 1). A kernel may add there as the gradient comes. With one the target
/// is the weights, and nothing but the rule changes them. A row that is frozen or not selected has no end: it and the
/// rule's state of it stay as they are.
template <class T>
struct RowSink {
  constexpr RowSink(T factor = T(0)) : scale(factor) {}  // a number is a sink that adds

  T scale;
  const RowRule<T>* rule = nullptr;

  /// Room to sum the gradient of a row of n weights: all of it for a rule, else `block`, some weights at a time.
  Workspace<T> Begin(const Workspace<T>& block, uint32_t n) const {
    return rule != nullptr ? rule->begin(*this, block, n) : block;
  }
  /// The gradient of the row target[i], i < n, or of a block of it, is whole.
  void End(T* target, const T* gradient, uint32_t n) const {
    if (rule != nullptr) return rule->end(*this, target, gradient, n);
    Axpy(scale, gradient, target, n);
  }
  /// The same for target[i * step].
  void EndStrided(T* target, const T* gradient, uint32_t n, uint32_t step) const {
    if (rule != nullptr) return rule->end_strided(*this, target, gradient, n, step);
    for (uint32_t i = 0; i < n; ++i) target[i * size_t{step}] += scale * gradient[i];
  }
};

/// Lets a number stand for a sink without a rule where T follows from other arguments.
template <class T>
struct SinkType {
  using Type = RowSink<T>;
};
template <class T>
using Sink = typename SinkType<T>::Type;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_ROW_SINK_H_
