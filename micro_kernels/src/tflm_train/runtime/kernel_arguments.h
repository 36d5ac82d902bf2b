// Which arguments of a kernel's steps are written, and which hold something else than numbers.
#ifndef TFLM_TRAIN_RUNTIME_KERNEL_ARGUMENTS_H_
#define TFLM_TRAIN_RUNTIME_KERNEL_ARGUMENTS_H_

#include <cstdint>

namespace tflm_train {

/// One bit per argument, in the order written in converters/plan_format.py. Writing outside the arena would change the
/// caller's input or the file, and a foreign value in `winners` would lead a kernel outside its buffers.
struct KernelArguments {
  uint8_t forward_written;
  uint8_t forward_winners;  // arg-max
  uint8_t backward_written;
  uint8_t backward_winners;
  uint8_t backward_keys;  // a selector's

  /// The highest bit stands for all further arguments.
  static bool Has(uint32_t arguments, uint32_t i) { return (arguments >> (i < 7 ? i : 7) & 1u) != 0; }
  static constexpr uint8_t Bit(uint32_t argument) { return static_cast<uint8_t>(1u << argument); }
  static constexpr uint8_t Bits(uint32_t first, uint32_t count) {
    return static_cast<uint8_t>(((1u << count) - 1) << first);
  }

  /// x, w, b, y forward; x, w, y, dy, dx, keys backward.
  static constexpr KernelArguments Layer() { return {Bit(3), 0, Bits(3, 3), 0, Bit(5)}; }
  /// The same with the winners of the pool behind.
  static constexpr KernelArguments PooledLayer() { return {Bits(3, 2), Bit(4), Bits(3, 3), Bit(6), Bit(5)}; }
  /// x, y forward; `saved` values, dy, dx backward.
  static constexpr KernelArguments Unary(uint32_t saved) { return {Bit(1), 0, Bits(saved, 2), 0, 0}; }
  /// a, b, y forward; `saved` values, dy, da, db backward.
  static constexpr KernelArguments Binary(uint32_t saved) { return {Bit(2), 0, Bits(saved, 3), 0, 0}; }
};

/// Argument positions of a backward step with weights.
namespace layer_argument {
inline constexpr uint32_t kWeight = 1, kOutputError = 3, kKeys = 5;
}  // namespace layer_argument

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_KERNEL_ARGUMENTS_H_
