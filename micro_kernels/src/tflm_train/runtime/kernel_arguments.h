// Which arguments of a kernel's steps are written, and which hold positions instead of numbers.
#ifndef TFLM_TRAIN_RUNTIME_KERNEL_ARGUMENTS_H_
#define TFLM_TRAIN_RUNTIME_KERNEL_ARGUMENTS_H_

#include <cstdint>

#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/plan_format.h"

namespace tflm_train {

/// One bit per argument, in the order written in converters/plan_format.py. Writing outside the arena would change the
/// caller's input or the file, and a foreign value in `winners` or `list` would lead a kernel outside its buffers.
struct KernelArguments {
  const char* name;
  uint16_t kernel;
  uint8_t forward_written;
  uint8_t forward_winners;  // arg-max
  uint8_t backward_written;
  uint8_t backward_winners;
  uint8_t backward_list;  // selected indices

  /// The highest bit stands for all further arguments.
  static bool Has(uint32_t arguments, uint32_t i) { return (arguments >> (i < 7 ? i : 7) & 1u) != 0; }
};

/// Null for a number that is no kernel, and for EXTERNAL, which runs outside the library.
TFLM_TRAIN_COLD const KernelArguments* FindKernelArguments(KernelId kernel);

/// Argument positions of a backward step with weights.
namespace layer_argument {
inline constexpr uint32_t kWeight = 1, kOutputError = 3, kList = 5;
}  // namespace layer_argument

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_KERNEL_ARGUMENTS_H_
