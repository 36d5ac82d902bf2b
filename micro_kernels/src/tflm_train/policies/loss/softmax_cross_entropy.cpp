// Cross entropy of probabilities: softmax, which came before, is part of its error.
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/loss/check.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

/// Of classes, which most labels are, in one pass: L = -log p, dL/dz = scale (p - t).
Finding SoftmaxCrossEntropy(const LossSample& sample, StepResult* result) {
  if (sample.label.softmax_cross_entropy != nullptr) return sample.label.softmax_cross_entropy(sample, result);
  const Finding invalid = Found(Status::kInvalidLabel, Subject::kLabel);
  if (!CoversRows(sample)) return invalid;
  const float rows = Rows(sample), scale = sample.scale / rows;
  const uint32_t stride = sample.error != nullptr;
  const int32_t* index = ClassesOf(sample.label);
  FiniteCheck output_finite, error_finite;
  const float *value = sample.output, *const outputs_end = value + sample.outputs;
  float unused, *error = stride != 0 ? sample.error : &unused;
  float sum = 0.0f;
  result->correct = 0;
  result->decisions = 0;
  do {
    const auto target = static_cast<uint32_t>(*index++);
    if (target >= sample.classes) return invalid;
    const float *const row = value, *const end = row + sample.classes, *best = row + 1;
    const float p = row[target];  // `error` may be `output`
    float* const of_class = error + target * stride;
    float largest = *row;
    do {
      const float x = *value++;
      output_finite.Add(x);
      Put(scale * x, error, &error_finite);
      error += stride;
      if (!(x > largest)) continue;
      largest = x;
      best = value;
    } while (value != end);
    if (!output_finite.Passed()) return Found(Status::kNonFinite, Subject::kOutput);
    result->correct += best == row + target + 1;
    ++result->decisions;
    Put(scale * (p - 1.0f), of_class, &error_finite);
    sum += ClampedLog(p);
  } while (value != outputs_end);
  return CheckResult(error_finite, 0.0f - sum / rows, result);
}

}  // namespace

const Loss kSoftmaxCrossEntropyLoss(LossId::kSoftmaxCrossEntropy, SoftmaxCrossEntropy);

}  // namespace tflm_train
