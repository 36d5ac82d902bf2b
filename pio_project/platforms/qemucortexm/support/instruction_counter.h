// The number of instructions that the emulated processor has executed, exact and repeatable.
//
// QEMU runs with -icount: the guest's time advances by 2^QEMU_ICOUNT_SHIFT ns per instruction. SysTick counts that
// time at the processor's clock, which is more than two ticks per instruction, so rounding recovers whole instructions.
#ifndef QEMUCORTEXM_INSTRUCTION_COUNTER_H_
#define QEMUCORTEXM_INSTRUCTION_COUNTER_H_

#include <cstdint>

namespace instruction_counter {

/// A reading of the timer.
struct Stamp {
  uint32_t wraps;
  uint32_t ticks;
};

/// Starts the timer at the first call. Always the same number of instructions, as long as the timer does not wrap inside.
Stamp Now();

/// Instructions between two readings, those of one call of Now() included.
uint64_t Between(const Stamp& from, const Stamp& to);

/// Instructions between two readings with nothing between: subtract it from Between().
uint64_t Overhead();

/// Instructions that `body()` executes, give or take the two that the compiler may move across its borders.
template <class Body>
uint64_t Of(Body&& body) {
  const Stamp from = Now();
  body();
  const Stamp to = Now();
  return Between(from, to) - Overhead();
}

}  // namespace instruction_counter

#endif  // QEMUCORTEXM_INSTRUCTION_COUNTER_H_
