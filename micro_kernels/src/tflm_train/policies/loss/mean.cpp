#include "tflm_train/policies/loss/mean.h"

#include "tflm_train/base/cold.h"

namespace tflm_train {

TFLM_TRAIN_NOINLINE Finding RunMean(const LossSample& sample, const MeanLoss& loss, StepResult* result) {
  const uint32_t outputs = sample.outputs, classes = sample.classes;
  const float* const targets = sample.label.values;
  const bool numbers = classes == 1;
  const Finding finding = CheckSample(sample, numbers ? loss.last : classes - 1, loss.probabilities, result);
  if (finding != Finding::kNothing) return finding;
  const bool by_element = numbers || (targets != nullptr && loss.probabilities);
  const int32_t* index = ClassesOf(sample.label);
  const float n = static_cast<float>(outputs);
  FiniteCheck finite;
  float sum = 0.0f;
  uint32_t correct = 0;
  int32_t column = 0;
  for (uint32_t i = 0; i < outputs; ++i) {
    float t;
    if (targets != nullptr) {
      t = targets[i];
    } else {
      t = numbers ? static_cast<float>(*index) : column == *index ? 1.0f : 0.0f;
      const bool last = static_cast<uint32_t>(++column) == classes;
      if (last) column = 0;
      index += last;
    }
    const float x = sample.output[i];  // `error` may be `output`
    correct += (x > loss.middle) == (t > 0.5f);
    const Part of_output = loss.part(x, t);
    sum += of_output.loss;
    if (sample.error == nullptr) continue;
    Put(of_output.derivative / n, sample.error + i, &finite);
  }
  if (by_element) {
    result->correct = correct;
    result->decisions = outputs;
  }
  return CheckResult(finite, sum / n, result);
}

}  // namespace tflm_train
