#include "tflm_train/kernels/fast/s8/inner_portable.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {

void AddRow(const tflm_train::s8::AddStage& stage, int32_t sign, const int8_t* a, const int8_t* b, uint32_t n,
            int8_t* y) {
  for (uint32_t i = 0; i < n; ++i) y[i] = stage.Add(sign, a[i], b[i]);
}

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
