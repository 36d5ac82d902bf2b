#include "tflm_train/runtime/losses.h"

#include "tflm_train/kernels/math.h"
#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/finite.h"

namespace tflm_train {
namespace {

/// Position of the largest value, the first on ties; -1 if one is NaN or infinite. There is at least one.
TFLM_TRAIN_NOINLINE int32_t ArgMax(const float* values, uint32_t count) {
  FiniteCheck finite;
  const float *value = values, *best = values + 1;
  float largest = *values;
  do {
    const float x = *value++;
    finite.Add(x);
    if (!(x > largest)) continue;
    largest = x;
    best = value;
  } while (value != values + count);
  return finite.Passed() ? static_cast<int32_t>(best - values) - 1 : -1;
}

/// Checks label and output and compares their arg-max. A class is at most `last`.
TFLM_TRAIN_NOINLINE Finding CheckSample(const LossSample& sample, uint32_t last, StepResult* result) {
  int32_t target = sample.label.index;
  if (sample.label.values != nullptr) {
    target = ArgMax(sample.label.values, sample.outputs);
    if (target < 0) return Found(Status::kNonFinite, Subject::kLabel);
  } else if (static_cast<uint32_t>(target) > last) {
    return Found(Status::kInvalidLabel, Subject::kLabel);
  }
  const int32_t best = ArgMax(sample.output, sample.outputs);
  if (best < 0) return Found(Status::kNonFinite, Subject::kOutput);
  result->correct = best == target;
  return Finding::kNothing;
}

Finding CheckResult(const FiniteCheck& error, float loss, StepResult* result) {
  result->loss = loss;
  FiniteCheck finite;
  finite.Add(loss);
  if (!finite.Passed()) return Found(Status::kNonFinite, Subject::kLoss);
  return error.Passed() ? Finding::kNothing : Found(Status::kNonFinite, Subject::kOutputError);
}

/// error = scale (factor p - t), and what there is to say about it and the loss.
TFLM_TRAIN_NOINLINE Finding WriteError(const LossSample& sample, const float* p, float factor, float scale, float loss,
                                       StepResult* result) {
  FiniteCheck finite;
  const auto put = [&finite](float* error, float value) {
    finite.Add(value);
    *error = value;
  };
  if (float* error = sample.error; error != nullptr) {
    float* const end = error + sample.outputs;
    if (const float* t = sample.label.values; t != nullptr) {
      for (; error != end; ++error) put(error, scale * (*p++ * factor - *t++));
    } else {
      const float of_class = scale * (p[sample.label.index] * factor - 1.0f);  // `error` may be `p`
      for (; error != end; ++error) put(error, scale * (*p++ * factor));
      put(sample.error + sample.label.index, of_class);
    }
  }
  return CheckResult(finite, loss, result);
}

/// What a function of an output and its probability adds up to: those with a probability of zero add nothing.
template <class Function>
inline float SumOverClasses(const LossSample& sample, float* total, Function function) {
  const float* const t = sample.label.values;
  if (t == nullptr) {
    *total = 1.0f;
    return function(sample.output[sample.label.index]);
  }
  float sum = 0.0f;
  *total = 0.0f;
  for (uint32_t i = 0; i < sample.outputs; ++i) {
    if (t[i] == 0.0f) continue;
    sum += t[i] * function(sample.output[i]);
    *total += t[i];
  }
  return sum;
}

/// L = -sum t log p. At softmax's input dL/dz = scale (p sum t - t), which is scale (p - t) for a distribution t.
Finding SoftmaxCrossEntropy(const LossSample& sample, StepResult* result) {
  const Finding finding = CheckSample(sample, sample.outputs - 1, result);
  if (finding != Finding::kNothing) return finding;
  float total;
  const float sum = SumOverClasses(sample, &total, ClampedLog);
  return WriteError(sample, sample.output, total, sample.scale, 0.0f - sum, result);
}

/// L = sum t (log sum exp z - z), with the largest z taken out of the exponentials.
Finding SoftmaxCrossEntropyFromLogits(const LossSample& sample, StepResult* result) {
  const Finding finding = CheckSample(sample, sample.outputs - 1, result);
  if (finding != Finding::kNothing) return finding;
  const float* z = sample.output;
  const float largest = z[ArgMax(z, sample.outputs)];
  float total;
  const float shifted = SumOverClasses(sample, &total, [largest](float of_class) { return of_class - largest; });
  float sum = 0.0f;
  if (sample.error != nullptr) {
    sum = ExpAndSum(1.0f, z, largest, sample.outputs, sample.error);
  } else {
    for (uint32_t i = 0; i < sample.outputs; ++i) sum += Exp(z[i] - largest);
  }
  return WriteError(sample, sample.error, total / sum, 1.0f, total * ClampedLog(sum) - shifted, result);
}

/// One output's part of a loss that is a mean over outputs, at x with target t, and its derivative.
struct Part {
  float loss, derivative;
};
using PartFunction = Part (*)(float x, float t);

/// L = -(t log p + (1 - t) log(1 - p)), dL/dz = p - t at the sigmoid's input.
Part BinaryCrossEntropyPart(float p, float t) {
  return {-(t * ClampedLog(p) + (1.0f - t) * ClampedLog(1.0f - p)), p - t};
}

/// L = max(z, 0) - z t + log(1 + exp(-|z|)).
Part BinaryCrossEntropyFromLogitsPart(float z, float t) {
  const float e = Exp(z < 0.0f ? z : -z);
  return {(z > 0.0f ? z : 0.0f) - z * t + ClampedLog(1.0f + e), (z < 0.0f ? e : 1.0f) / (1.0f + e) - t};
}

/// L = (p - t)^2, dL/dp = 2 (p - t).
Part SquaredErrorPart(float p, float t) {
  const float difference = p - t;
  return {difference * difference, 2.0f * difference};
}

/// A single output is a number: a class label up to `last` is its target, and right is the same side of `middle`.
TFLM_TRAIN_NOINLINE Finding RunMean(const LossSample& sample, uint32_t last, float middle, PartFunction part,
                                    StepResult* result) {
  const uint32_t outputs = sample.outputs;
  const Finding finding = CheckSample(sample, outputs == 1 ? last : outputs - 1, result);
  if (finding != Finding::kNothing) return finding;
  const float* targets = sample.label.values;
  const float number = static_cast<float>(sample.label.index);
  if (outputs == 1) {
    if (targets == nullptr) targets = &number;
    result->correct = (*sample.output > middle) == (*targets > 0.5f);
  }
  const float n = static_cast<float>(outputs);
  FiniteCheck finite;
  float sum = 0.0f;
  for (uint32_t i = 0; i < outputs; ++i) {
    const float t = targets != nullptr ? targets[i] : static_cast<int32_t>(i) == sample.label.index ? 1.0f : 0.0f;
    const Part of_output = part(sample.output[i], t);
    sum += of_output.loss;
    if (sample.error == nullptr) continue;
    const float error = of_output.derivative / n;
    finite.Add(error);
    sample.error[i] = error;
  }
  return CheckResult(finite, sum / n, result);
}

Finding BinaryCrossEntropy(const LossSample& sample, StepResult* result) {
  return RunMean(sample, 1, 0.5f, BinaryCrossEntropyPart, result);
}

Finding BinaryCrossEntropyFromLogits(const LossSample& sample, StepResult* result) {
  return RunMean(sample, 1, 0.0f, BinaryCrossEntropyFromLogitsPart, result);
}

Finding MeanSquaredError(const LossSample& sample, StepResult* result) {
  return RunMean(sample, UINT32_MAX, 0.5f, SquaredErrorPart, result);
}

Finding AutoLinear(const LossSample& sample, StepResult* result) {
  const bool number = sample.label.values != nullptr || sample.outputs == 1;
  return number ? MeanSquaredError(sample, result) : SoftmaxCrossEntropyFromLogits(sample, result);
}

Finding AnyLoss(const LossSample& sample, StepResult* result) {
  switch (sample.loss) {
    case LossId::kSoftmaxCrossEntropy:
      return SoftmaxCrossEntropy(sample, result);
    case LossId::kSoftmaxCrossEntropyFromLogits:
      return SoftmaxCrossEntropyFromLogits(sample, result);
    case LossId::kBinaryCrossEntropy:
      return BinaryCrossEntropy(sample, result);
    case LossId::kBinaryCrossEntropyFromLogits:
      return BinaryCrossEntropyFromLogits(sample, result);
    case LossId::kMeanSquaredError:
      return MeanSquaredError(sample, result);
    case LossId::kAutoLinear:
      break;
  }
  return AutoLinear(sample, result);
}

constexpr uint32_t Bit(LossId id) { return 1u << static_cast<uint32_t>(id); }

}  // namespace

const Loss kSoftmaxCrossEntropyLoss = {Bit(LossId::kSoftmaxCrossEntropy), SoftmaxCrossEntropy};
const Loss kSoftmaxCrossEntropyFromLogitsLoss = {Bit(LossId::kSoftmaxCrossEntropyFromLogits),
                                                 SoftmaxCrossEntropyFromLogits};
const Loss kBinaryCrossEntropyLoss = {Bit(LossId::kBinaryCrossEntropy), BinaryCrossEntropy};
const Loss kBinaryCrossEntropyFromLogitsLoss = {Bit(LossId::kBinaryCrossEntropyFromLogits),
                                                BinaryCrossEntropyFromLogits};
const Loss kMeanSquaredErrorLoss = {Bit(LossId::kMeanSquaredError), MeanSquaredError};
const Loss kAutoLinearLoss = {Bit(LossId::kAutoLinear), AutoLinear};
const Loss kAnyLoss = {2 * Bit(LossId::kAutoLinear) - 1, AnyLoss};

}  // namespace tflm_train
