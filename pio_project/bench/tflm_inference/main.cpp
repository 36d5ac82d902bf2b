// One inference of a model under TensorFlow Lite Micro, with its own float32 kernels and with this library's. Prints
// the instructions of both and the largest difference of their outputs. `model_data.h` is generated.
#include <model_data.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "instruction_meter.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tflm_train/tflm/register_f32.h"

namespace {

using Resolver = tflite::MicroMutableOpResolver<12>;

constexpr size_t kArenaBytes = 1024 * 1024;
constexpr uint32_t kMaxOutputs = 1024;
alignas(16) uint8_t arena[kArenaBytes];
float outputs[2][kMaxOutputs];

void AddOthers(Resolver* resolver) {
  resolver->AddAdd();
  resolver->AddAveragePool2D();
  resolver->AddMaxPool2D();
  resolver->AddMean();
  resolver->AddPad();
  resolver->AddRelu6();
  resolver->AddReshape();
  resolver->AddSoftmax();
}

/// Instructions of one inference, 0 if it fails.
uint32_t Measure(const Resolver& resolver, float* output) {
  tflite::MicroInterpreter interpreter(tflite::GetModel(kModel), resolver, arena, kArenaBytes);
  if (interpreter.AllocateTensors() != kTfLiteOk || interpreter.output(0)->bytes > sizeof outputs[0]) return 0;
  float* input = interpreter.input(0)->data.f;
  const auto elements = static_cast<int32_t>(interpreter.input(0)->bytes / sizeof(float));
  for (int32_t i = 0; i < elements; ++i) input[i] = static_cast<float>(i * 37 % 101 - 50) / 50.0f;
  tflm_train::InstructionMeter meter;
  meter.BeginStep();
  const bool done = interpreter.Invoke() == kTfLiteOk;
  meter.EndStep();
  std::memcpy(output, interpreter.output(0)->data.f, interpreter.output(0)->bytes);
  return done ? static_cast<uint32_t>(meter.cost().forward) : 0;
}

}  // namespace

int main() {
  static Resolver theirs, ours;
  theirs.AddConv2D();
  theirs.AddDepthwiseConv2D();
  theirs.AddFullyConnected();
  ours.AddConv2D(tflm_train::Register_CONV_2D_F32());
  ours.AddDepthwiseConv2D(tflm_train::Register_DEPTHWISE_CONV_2D_F32());
  ours.AddFullyConnected(tflm_train::Register_FULLY_CONNECTED_F32());
  AddOthers(&theirs);
  AddOthers(&ours);
  const uint32_t first = Measure(theirs, outputs[0]), second = Measure(ours, outputs[1]);
  if (first == 0 || second == 0) return 1;
  float difference = 0.0f;
  for (uint32_t i = 0; i < kMaxOutputs; ++i) {
    difference = std::fmax(difference, std::fabs(outputs[0][i] - outputs[1][i]));
  }
  std::printf("%lu %lu %g\n", static_cast<unsigned long>(first), static_cast<unsigned long>(second),
              static_cast<double>(difference));
  return 0;
}
