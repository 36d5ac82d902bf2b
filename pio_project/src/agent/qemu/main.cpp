// The agent on an emulated board: over QEMU's standard input and output, or with the argument "uart" over the board's
// UART.
#include <cstdint>

#include "instruction_meter.h"
#include "semihosting_stream.h"
#include "tflm_train/agent/agent.h"
#include "tflm_train/operators/all_operators.h"
#include "uart.h"

extern "C" {
extern uint8_t __heap_start[], __stack_top[];  // of the linker script
}

#define TFLM_TRAIN_STRING(text) #text
#define TFLM_TRAIN_EXPANDED_STRING(macro) TFLM_TRAIN_STRING(macro)

namespace {

constexpr size_t kStackBytes = 8 * 1024;
constexpr size_t kLargeMemory = 1024 * 1024;
constexpr size_t kLargeFrames = 64 * 1024;
constexpr size_t kSmallFrames = 2 * 1024;

tflm_train::Agent agent;
const tflm_train::AllOperators operators;
tflm_train::InstructionMeter meter;

int Serve(tflm_train::ByteStream& stream) {
  // all RAM that variables and the stack leave; nothing here uses the heap
  const size_t memory = static_cast<size_t>(__stack_top - __heap_start) - kStackBytes;
  tflm_train::AgentConfig config = {};
  config.name = "qemu " TFLM_TRAIN_EXPANDED_STRING(QEMU_BOARD);
  config.stream = &stream;
  config.operators = &operators;
  config.memory = __heap_start;
  config.memory_bytes = memory;
  config.frame_payload = memory >= kLargeMemory ? kLargeFrames : kSmallFrames;
  config.meter = &meter;
  if (agent.Init(config) != tflm_train::Status::kOk) return 1;
  while (agent.Poll()) {
  }
  return 0;
}

}  // namespace

int main() {
  if (tflm_train::HasArgument("uart")) {
    static tflm_train::Uart uart;
    return Serve(uart);
  }
  static tflm_train::SemihostingStream stream;
  return Serve(stream);
}
