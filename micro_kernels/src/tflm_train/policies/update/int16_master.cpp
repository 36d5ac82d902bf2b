// An integer and its remainder, one byte in 1/256 of a unit, are one number: the step is rounded to that. Forward
// kernels read the integer, which is the number's nearest.
#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

template <class Integer>
void Run(const IntegerRow<Integer>& row) {
  const float factor = row.factor * 256.0f;
  if constexpr (kFastKernels && sizeof(Integer) == 1) {
    if (row.step == 1 && row.most == 127) {
      return fast::s8::inner::AddToMasters(factor, row.gradient, row.elements, row.values, row.remainders);
    }
  }
  for (uint32_t i = 0; i < row.elements; ++i) {
    AddToMaster(factor * row.gradient[i], row.most, row.values[i * row.step], row.remainders[i * row.step]);
  }
}

}  // namespace

const Update kInt16MasterUpdate(UpdateId::kInt16Master, true, Run<int8_t>, Run<int32_t>);

}  // namespace tflm_train
