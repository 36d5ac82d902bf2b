// The agent on this machine, over standard input and output.
//
//   program [BYTES]     memory for frames, a model and its arena; default 64 MB
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "pipe_stream.h"
#include "tflm_train/agent/agent.h"
#include "tflm_train/operators/all_operators.h"

int main(int argc, char** argv) {
  constexpr size_t kDefaultMemory = size_t{64} << 20;
  const size_t bytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : kDefaultMemory;
  const std::unique_ptr<uint8_t[]> memory(new uint8_t[bytes]);
  tflm_train::PipeStream stream(STDIN_FILENO, STDOUT_FILENO);
  static const tflm_train::AllOperators operators;
  tflm_train::AgentConfig config = {};
  config.name = "native";
  config.stream = &stream;
  config.operators = &operators;
  config.memory = memory.get();
  config.memory_bytes = bytes;
  config.frame_payload = 2048;
  tflm_train::Agent agent;
  if (agent.Init(config) != tflm_train::Status::kOk) {
    std::fprintf(stderr, "%zu bytes are not enough for two frames\n", bytes);
    return 1;
  }
  while (agent.Poll()) {
  }
  return 0;
}
