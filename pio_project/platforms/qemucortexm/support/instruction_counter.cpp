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
  // ticks / (ticks per instruction), rounded, in two parts so that no product exceeds 64 bits
  constexpr uint64_t kBillion = 1000000000;
  constexpr uint64_t kTicksPerBillion = uint64_t{QEMU_BOARD_HZ} << QEMU_ICOUNT_SHIFT;
  const uint64_t whole = ticks / kTicksPerBillion;
  const uint64_t rest = ticks % kTicksPerBillion;
  return whole * kBillion + (rest * (kBillion / 1000) + kTicksPerBillion / 2000) / (kTicksPerBillion / 1000) -
         uint64_t{wraps} * kHandlerInstructions;
}

namespace {

__attribute__((noinline, noclone)) uint64_t Measure(void (*body)(void*), void* argument) {
  const Stamp from = Now();
  body(argument);
  const Stamp to = Now();
  return Between(from, to);
}

void Nothing(void*) {}

}  // namespace

uint64_t OfCall(void (*body)(void*), void* argument) {
  Now();  // may start the timer
  const uint64_t nothing = Measure(Nothing, nullptr);
  return Measure(body, argument) - nothing;
}

}  // namespace instruction_counter
