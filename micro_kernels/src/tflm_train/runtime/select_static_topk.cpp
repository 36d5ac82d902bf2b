#include "tflm_train/runtime/selector.h"
#include "tflm_train/runtime/top_k.h"

namespace tflm_train {

Selection SelectStaticTopK(const SelectorConfig& config, const float* delta, uint32_t elements, void* list,
                           float* prunable) {
  float sum;
  const uint32_t count = GatherNonZero(delta, elements, list, &sum);
  return KeepLargest(delta, elements, list, count, SelectionSize(config.ratio, elements), prunable);
}

}  // namespace tflm_train
