// The counter against code whose instructions are counted by hand.
#include <doctest.h>
#include <instruction_counter.h>

#include <cstdint>

namespace {

/// Runs 2 * n + 2 instructions, n > 0.
__attribute__((noinline, naked)) void Loop(uint32_t) {
  __asm volatile(
      ".syntax unified\n"
      "1: subs r0, #1\n"
      "bne 1b\n"
      "nop\n"
      "bx lr");
}

uint64_t CountLoop(uint32_t n) {
  return instruction_counter::Of([n] { Loop(n); });
}

}  // namespace

TEST_CASE("nothing costs nothing") {
  CHECK(instruction_counter::Of([] { __asm volatile("" ::: "memory"); }) == 0);
}

TEST_CASE("instructions in a row") {
  CHECK(instruction_counter::Of([] { __asm volatile("nop"); }) == 1);
  CHECK(instruction_counter::Of([] { __asm volatile("nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop\n nop"); }) ==
        10);
}

TEST_CASE("a body may be constant") {
  const auto body = [] { __asm volatile("nop"); };
  CHECK(instruction_counter::Of(body) == 1);
}

TEST_CASE("a loop costs two instructions per round, over many wraps of the timer") {
  // what surrounds the loop (argument, call, nop, return) is the same for every n
  const uint64_t around = CountLoop(1) - 2;
  CHECK(around >= 3);
  CHECK(around <= 6);
  CHECK(CountLoop(10) == 20 + around);
  CHECK(CountLoop(1000) == 2000 + around);
  CHECK(CountLoop(100000) == 200000 + around);
  CHECK(CountLoop(20000000) == 40000000 + around);
}

TEST_CASE("long runs do not overflow") {
  // the timer's period is rounded to a fraction of a nanosecond: some instructions in a billion
  constexpr double kRounds = 5e8;
  const double counted = static_cast<double>(CountLoop(static_cast<uint32_t>(kRounds)));
  CHECK(counted == doctest::Approx(2 * kRounds).epsilon(1e-6));
}

TEST_CASE("repeated counts are equal") {
  const uint64_t first = CountLoop(12345);
  for (int i = 0; i < 5; ++i) CHECK(CountLoop(12345) == first);
}
