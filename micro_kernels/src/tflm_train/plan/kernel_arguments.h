// Which arguments of a kernel's steps are written, which hold something else than numbers, and which train.
#ifndef TFLM_TRAIN_PLAN_KERNEL_ARGUMENTS_H_
#define TFLM_TRAIN_PLAN_KERNEL_ARGUMENTS_H_

#include <cstdint>

namespace tflm_train {

/// One bit per argument, in the order of the spec (converters/operators). Writing outside the arena would change the
/// caller's input or the file, and a foreign value in `winners` would lead a kernel outside its buffers.
struct KernelArguments {
  uint8_t forward_written;
  uint8_t forward_winners;  // arg-max
  uint8_t backward_written;
  uint8_t backward_winners;
  uint8_t backward_keys;  // a selector's
  // Positions in a backward step, kNoArgument without one.
  uint8_t weight;
  uint8_t output_error;

  static constexpr uint8_t kNoArgument = 0xFF;
  /// The highest bit stands for all further arguments.
  static bool Has(uint32_t arguments, uint32_t i) { return (arguments >> (i < 7 ? i : 7) & 1u) != 0; }
};

/// Where a backward step that trains has the input of its layer.
inline constexpr uint32_t kInputArgument = 0;
/// Where one that selects has the selector's keys.
inline constexpr uint32_t kKeysArgument = 5;

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_KERNEL_ARGUMENTS_H_
