#include "tflm_train/runtime/trainer_memory.h"

namespace tflm_train {

// Constants are written by no step that passes the verification.
void* Trainer::Memory::File(uint32_t tensor) const { return const_cast<uint8_t*>(plan_.Constant(tensor)); }

}  // namespace tflm_train
