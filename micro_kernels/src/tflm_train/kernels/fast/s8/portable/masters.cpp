#include "tflm_train/kernels/fast/s8/inner_portable.h"
#include "tflm_train/kernels/s8/rounding.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {

void AddToMasters(float factor, const float* gradient, uint32_t n, int8_t* values, int8_t* remainders) {
  for (uint32_t i = 0; i < n; ++i) {
    AddToMaster<int8_t>(RoundHalfUp<int8_t>(factor * gradient[i]), 127, values[i], remainders[i]);
  }
}

void AddSumsToMasters(FixedFactor factor, const int32_t* sums, uint32_t n, int8_t* values, int8_t* remainders) {
  for (uint32_t i = 0; i < n; ++i) {
    AddToMaster<int8_t>(ScaleHalfUp<int8_t>(sums[i], factor), 127, values[i], remainders[i]);
  }
}

void AddProductsToMasters(FixedFactor factor, const int16_t* x, uint32_t n, int8_t* values, int8_t* remainders) {
  for (uint32_t i = 0; i < n; ++i) {
    AddToMaster<int8_t>(ScaleHalfUp<int8_t>(x[i], factor), 127, values[i], remainders[i]);
  }
}

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
