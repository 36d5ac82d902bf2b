// Passes over whole vectors: clearing, activations, error masks, bias gradients.
#ifndef TFLM_TRAIN_KERNELS_FAST_VECTOR_H_
#define TFLM_TRAIN_KERNELS_FAST_VECTOR_H_

#include "tflm_train/kernels/row_sink.h"
#include "tflm_train/kernels/types.h"

namespace tflm_train {
namespace fast {

/// The least value of an activation: minus infinity for kNone.
float LowerBound(Activation activation);

/// y[r, c] = activation(y[r, c] + bias[c]); `bias` may be null. A NaN stays one.
void AddBias(const float* bias, Activation activation, float* y, int32_t rows, int32_t channels);

/// dy = 0 over n where the activation was saturated, as its output y tells.
void MaskError(Activation activation, const float* y, float* dy, uint32_t n);

/// The gradient of biases, sums of dy [elements / channels, channels], for `sink` to finish.
void BiasGradient(const RowSink<float>& sink, float* biases, const Selection& selection, const float* dy,
                  uint32_t elements, uint32_t channels);

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_VECTOR_H_
