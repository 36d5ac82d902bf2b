// The number of instructions that the emulated processor has executed, exact and repeatable.
//
// QEMU runs with -icount: the guest's time advances by 2^QEMU_ICOUNT_SHIFT ns per instruction. SysTick counts that
// time at the processor's clock, which is more than two ticks per instruction, so rounding recovers whole instructions.
#ifndef QEMUCORTEXM_INSTRUCTION_COUNTER_H_
#define QEMUCORTEXM_INSTRUCTION_COUNTER_H_

#include <cstdint>
#include <type_traits>

namespace instruction_counter {

/// A reading of the timer.
struct Stamp {
  uint32_t wraps;
  uint32_t ticks;
};

/// Starts the timer at the first call. Always the same number of instructions, as long as the timer does not wrap
/// inside.
Stamp Now();

/// Instructions between two readings, those of one call of Now() included.
uint64_t Between(const Stamp& from, const Stamp& to);

/// Instructions of `body(argument)` beyond those of a function that only returns.
uint64_t OfCall(void (*body)(void*), void* argument);

/// Instructions that `body()` executes.
template <class Body>
uint64_t Of(Body&& body) {
  using Function = std::remove_reference_t<Body>;
  void* const function = const_cast<std::remove_const_t<Function>*>(&body);
  return OfCall([](void* argument) { (*static_cast<Function*>(argument))(); }, function);
}

}  // namespace instruction_counter

#endif  // QEMUCORTEXM_INSTRUCTION_COUNTER_H_
