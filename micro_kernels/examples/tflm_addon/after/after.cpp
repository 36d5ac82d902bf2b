// before.cpp with training: the model learns from windows whose motion the user confirms.
#include <cstdio>

#include "../model_data.h"
#include "../sensor.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/policies/policies.h"
#include "tflm_train/tflm/trainable_interpreter.h"

namespace {

constexpr size_t kArenaBytes = 5 * 1024;
alignas(16) uint8_t arena[kArenaBytes];

int Classify(tflm_train::TrainableInterpreter* interpreter, const float* window) {
  const float* scores = nullptr;
  if (interpreter->Infer(window, &scores) != tflm_train::Status::kOk) return -1;
  int best = 0;
  for (int i = 1; i < kMotions; ++i) best = scores[i] > scores[best] ? i : best;
  return best;
}

int CountRight(tflm_train::TrainableInterpreter* interpreter, Sensor* sensor, int windows) {
  int right = 0;
  for (int i = 0; i < windows; ++i) {
    float window[kWindow];
    const int motion = sensor->Read(window);
    right += Classify(interpreter, window) == motion ? 1 : 0;
  }
  return right;
}

}  // namespace

int main() {
  // TFLM's kernels run the model, as before.
  tflite::MicroMutableOpResolver<2> resolver;
  resolver.AddFullyConnected();
  resolver.AddSoftmax();
  // The library's kernels run the backward pass (softmax is part of the loss).
  tflm_train::StaticOperatorSet<1> operators;
  operators.Add(tflm_train::kFullyConnected);
  operators.Add(tflm_train::kSoftmaxCrossEntropyLoss);

  static tflm_train::TrainableInterpreter interpreter;
  if (interpreter.Init(model_data, model_data_size, resolver, operators, arena, kArenaBytes) !=
      tflm_train::Status::kOk) {
    const tflm_train::ErrorDetail& error = interpreter.error();
    std::printf("%s [%s]\n", tflm_train::StatusText(error.status), error.Text());
    return 1;
  }

  Sensor sensor;
  constexpr int kWindows = 300;
  const int before = CountRight(&interpreter, &sensor, kWindows);
  for (int i = 0; i < 600; ++i) {
    float window[kWindow];
    const int motion = sensor.Read(window);
    if (interpreter.Step(window, tflm_train::Label::Class(motion)) != tflm_train::Status::kOk) return 1;
  }
  const int after = CountRight(&interpreter, &sensor, kWindows);
  const tflm_train::TflmMemory memory = interpreter.memory();
  std::printf("right before training: %d of %d, after: %d\n", before, kWindows, after);
  std::printf("arena: weights %u + activations and errors %u + TFLM %u = %u bytes\n",
              static_cast<unsigned>(memory.persistent), static_cast<unsigned>(memory.program),
              static_cast<unsigned>(memory.tflm_scratch + memory.tflm_tail), static_cast<unsigned>(memory.total()));
  return after > before ? 0 : 1;
}
