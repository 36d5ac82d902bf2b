// The agent on an Arduino board, over its serial port.
#include <Arduino.h>

#include "tflm_train/agent/agent.h"
#include "tflm_train/agent/arduino_stream.h"
#include "tflm_train/operators/all_operators.h"

#ifndef TFLM_TRAIN_AGENT_MEMORY
#define TFLM_TRAIN_AGENT_MEMORY 65536  // for frames, a model, its arena; see platformio.ini
#endif

namespace {

constexpr unsigned long kBaud = 115200;
constexpr size_t kFrames = 1024;

alignas(16) uint8_t memory[TFLM_TRAIN_AGENT_MEMORY];
tflm_train::Agent agent;
const tflm_train::AllOperators operators;

bool Start() {
  static tflm_train::ArduinoStream<decltype(Serial)> stream(Serial);
  tflm_train::AgentConfig config = {};
  config.name = "arduino";
  config.stream = &stream;
  config.operators = &operators;
  config.memory = memory;
  config.memory_bytes = sizeof memory;
  config.frame_payload = kFrames;
  return agent.Init(config) == tflm_train::Status::kOk;
}

}  // namespace

void setup() {
  Serial.begin(kBaud);
  while (!Start()) delay(1000);
}

void loop() { agent.Poll(); }
