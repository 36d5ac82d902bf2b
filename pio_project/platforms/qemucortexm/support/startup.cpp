// Reset, vector table and fault report for every Cortex-M.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" {

extern uint64_t __data_start[], __data_end[], __data_load[], __bss_start[], __bss_end[];
extern uint32_t __stack_top[];
void __libc_init_array();
int main();
[[noreturn]] void _exit(int status);

void* __dso_handle = nullptr;
void _init() {}
void _fini() {}

namespace {
constexpr int kFaultStatus = 70;
}

[[noreturn]] __attribute__((used)) void Reset_Main() {
#ifdef __ARM_FP
  volatile uint32_t& cpacr = *reinterpret_cast<volatile uint32_t*>(0xE000ED88);
  cpacr = cpacr | 0xFu << 20;  // full access to coprocessors 10 and 11: the FPU, and MVE where there is one
  __asm volatile("dsb\n isb" ::: "memory");
#endif
  for (uint64_t *to = __data_start, *from = __data_load; to < __data_end;) *to++ = *from++;
  for (uint64_t* to = __bss_start; to < __bss_end;) *to++ = 0;
  __libc_init_array();
  std::exit(main());
}

[[noreturn]] __attribute__((naked)) void Reset_Handler() {
  __asm volatile(
      "ldr r0, =__stack_top\n"
      "mov sp, r0\n"
      "ldr r0, =Reset_Main\n"
      "bx r0");
}

/// `frame`: r0-r3, r12, lr, pc, xpsr as the processor stacked them.
[[noreturn]] __attribute__((used)) void Fault_Main(const uint32_t* frame) {
#if defined(__ARM_ARCH_6M__)
  const uint32_t cause = 0;  // ARMv6-M has no fault status
#else
  const uint32_t cause = *reinterpret_cast<volatile uint32_t*>(0xE000ED28);
#endif
  std::fprintf(stderr, "\nFAULT pc=%08lx lr=%08lx cause=%08lx\n", static_cast<unsigned long>(frame[6]),
               static_cast<unsigned long>(frame[5]), static_cast<unsigned long>(cause));
  _exit(kFaultStatus);
}

[[noreturn]] __attribute__((naked)) void Fault_Handler() {
  __asm volatile(
      "mrs r0, msp\n"
      "ldr r1, =Fault_Main\n"
      "bx r1");
}

void SysTick_Handler();  // instruction_counter.cpp

using Handler = void (*)();
__attribute__((section(".vectors"), used)) const Handler kVectors[16] = {
    reinterpret_cast<Handler>(__stack_top),
    Reset_Handler,
    Fault_Handler,  // NMI
    Fault_Handler,  // HardFault
    Fault_Handler,  // MemManage
    Fault_Handler,  // BusFault
    Fault_Handler,  // UsageFault
    Fault_Handler,  // SecureFault
    nullptr,
    nullptr,
    nullptr,
    Fault_Handler,  // SVCall
    Fault_Handler,  // DebugMonitor
    nullptr,
    Fault_Handler,  // PendSV
    SysTick_Handler,
};

}  // extern "C"
