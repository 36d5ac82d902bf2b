// Firmware that recognises motions with TensorFlow Lite Micro. after.cpp is the same firmware with training.
#include <cstdio>
#include <cstring>

#include "../model_data.h"
#include "../sensor.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace {

constexpr size_t kArenaBytes = 3 * 1024;
alignas(16) uint8_t arena[kArenaBytes];

int Classify(tflite::MicroInterpreter* interpreter, const float* window) {
  std::memcpy(interpreter->input(0)->data.f, window, sizeof(float) * kWindow);
  if (interpreter->Invoke() != kTfLiteOk) return -1;
  const float* scores = interpreter->output(0)->data.f;
  int best = 0;
  for (int i = 1; i < kMotions; ++i) best = scores[i] > scores[best] ? i : best;
  return best;
}

}  // namespace

int main() {
  tflite::MicroMutableOpResolver<2> resolver;
  resolver.AddFullyConnected();
  resolver.AddSoftmax();
  tflite::MicroInterpreter interpreter(tflite::GetModel(model_data), resolver, arena, kArenaBytes);
  if (interpreter.AllocateTensors() != kTfLiteOk) return 1;

  Sensor sensor;
  int right = 0;
  constexpr int kWindows = 300;
  for (int i = 0; i < kWindows; ++i) {
    float window[kWindow];
    const int motion = sensor.Read(window);
    right += Classify(&interpreter, window) == motion ? 1 : 0;
  }
  std::printf("right: %d of %d; arena %u bytes\n", right, kWindows,
              static_cast<unsigned>(interpreter.arena_used_bytes()));
  return 0;
}
