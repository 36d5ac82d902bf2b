#include "tflm_train/runtime/selector.h"
#include "tflm_train/runtime/top_k.h"

namespace tflm_train {

uint32_t SelectStaticTopK(const SelectorConfig& config, uint32_t elements) {
  return SelectionSize(config.ratio, elements);
}

}  // namespace tflm_train
