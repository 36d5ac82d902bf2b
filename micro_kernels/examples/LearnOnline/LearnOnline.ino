// A network that knows three motions from an upright sensor learns them from one that was mounted the other way round.
// Shown: one arena, Init, Step, Infer. The windows are made here; a real sketch reads its sensor.
#include <tflm_train.h>

#include "model_data.h"

namespace {

alignas(16) uint8_t arena[4 * 1024];  // at least "arena, train" as `tflm-train convert` prints it
const tflm_train::AllOperators operators;   // or those of operators.h, which take less flash
tflm_train::Trainer trainer;
bool ready = false;
uint32_t windows = 0, right = 0;

constexpr int kWindow = 16, kMotions = 3;

/// A window of a sine, a square wave or a saw tooth, turned over, smaller and shifted.
int MakeWindow(float* window) {
  const int motion = static_cast<int>(random(kMotions));
  const float phase = static_cast<float>(random(1000)) / 1000.0f;
  for (int i = 0; i < kWindow; ++i) {
    float t = static_cast<float>(i) / kWindow + phase;
    if (t >= 1.0f) t -= 1.0f;
    const float value = motion == 0 ? sin(6.2831853f * t) : motion == 1 ? (t < 0.5f ? 1.0f : -1.0f) : 2.0f * t - 1.0f;
    window[i] = 0.3f - 0.5f * value;
  }
  return motion;
}

}  // namespace

void setup() {
  Serial.begin(115200);
  const tflm_train::Status status = trainer.Init(model_data, model_data_size, operators, arena, sizeof arena);
  ready = status == tflm_train::Status::kOk;
  if (!ready) Serial.println(tflm_train::StatusText(status));
}

void loop() {
  if (!ready) return;
  float window[kWindow];
  const int motion = MakeWindow(window);
  tflm_train::StepResult result;
  if (trainer.Step(window, tflm_train::Label::Class(motion), &result) != tflm_train::Status::kOk) return;
  right += result.correct ? 1 : 0;
  if (++windows % 25 != 0) return;
  Serial.print("right of the last 25 windows: ");
  Serial.println(right);
  right = 0;
}
