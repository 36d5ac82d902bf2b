// The nearest integer: steps below half a unit are lost.
#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

template <class Integer>
void Run(const IntegerRow<Integer>& row) {
  for (uint32_t i = 0; i < row.elements; ++i) {
    Integer& value = row.values[i * row.step];
    value = ClampTo(row.most, value + RoundHalfUp<Integer>(row.factor * row.gradient[i]));
  }
}

}  // namespace

const Update kNearestUpdate(UpdateId::kNearest, false, Run<int8_t>, Run<int32_t>);

}  // namespace tflm_train
