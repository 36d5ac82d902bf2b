// Shape of a dense layer in a step's words: batch, inputs and outputs come first in all of its kernels.
#ifndef TFLM_TRAIN_OPERATORS_DENSE_SHAPE_H_
#define TFLM_TRAIN_OPERATORS_DENSE_SHAPE_H_

#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/operators/layer.h"

namespace tflm_train {

inline DenseShape ReadDenseShape(const StepView& step) {
  return {static_cast<uint32_t>(step.word(0)), static_cast<uint32_t>(step.word(1)),
          static_cast<uint32_t>(step.word(2))};
}

TFLM_TRAIN_COLD inline bool IsProduct(uint32_t product, uint32_t a, uint32_t b) {
  return a > 0 && product % a == 0 && product / a == b;
}

/// Weights, input and output of a layer's step have this shape.
TFLM_TRAIN_COLD inline bool DenseShapeFits(const StepView& step, const DenseShape& shape) {
  const ValueRecord& w = step.value(layer_forward::kW);
  const uint32_t input = InputArgument(step);
  return w.rank == 2 && static_cast<uint32_t>(w.dims[0]) == shape.outputs &&
         static_cast<uint32_t>(w.dims[1]) == shape.inputs &&
         (input == layer_backward::kDy || IsProduct(CheckedElements(step.value(input)), shape.inputs, shape.batch)) &&
         IsProduct(CheckedElements(LayerOutput(step)), shape.outputs, shape.batch);
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_DENSE_SHAPE_H_
