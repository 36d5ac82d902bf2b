#include "instruction_counter.h"

namespace {

constexpr uint32_t kReload = 0xFFFFFF;
constexpr uint32_t kHandlerInstructions = 5;

volatile uint32_t& Register(uint32_t address) { return *reinterpret_cast<volatile uint32_t*>(address); }
volatile uint32_t& Control() { return Register(0xE000E010); }
volatile uint32_t& ReloadValue() { return Register(0xE000E014); }
volatile uint32_t& CurrentValue() { return Register(0xE000E018); }

}  // namespace

extern "C" {

volatile uint32_t instruction_counter_wraps = 0;

__attribute__((naked)) void SysTick_Handler() {  // kHandlerInstructions long
  __asm volatile(
      ".syntax unified\n"
      "ldr r0, =instruction_counter_wraps\n"
      "ldr r1, [r0]\n"
      "adds r1, #1\n"
      "str r1, [r0]\n"
      "bx lr");
}

}  // extern "C"

namespace instruction_counter {

__attribute__((noinline)) Stamp Now() {
  if ((Control() & 1u) == 0) {
    ReloadValue() = kReload;
    CurrentValue() = 0;
    Control() = 7;  // processor clock, interrupt at zero, enabled
  }
  for (;;) {
    const uint32_t wraps = instruction_counter_wraps;
    const uint32_t ticks = (kReload + 1 - CurrentValue()) & kReload;
    if (wraps == instruction_counter_wraps) return {wraps, ticks};
  }
}

uint64_t Between(const Stamp& from, const Stamp& to) {
  const uint32_t wraps = to.wraps - from.wraps;
  const uint64_t ticks = uint64_t{wraps} * (kReload + 1) + to.ticks - from.ticks;
  constexpr uint64_t kTicksPerInstruction = uint64_t{QEMU_BOARD_HZ} << QEMU_ICOUNT_SHIFT;  // times 10^9
  return (ticks * 1000000000u + kTicksPerInstruction / 2) / kTicksPerInstruction - uint64_t{wraps} * kHandlerInstructions;
}

uint64_t Overhead() {
  // the second of two calls: the first may start the timer
  Now();
  const Stamp from = Now();
  __asm volatile("" ::: "memory");
  const Stamp to = Now();
  return Between(from, to);
}

}  // namespace instruction_counter
