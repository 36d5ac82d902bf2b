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

TFLM_TRAIN_NOINLINE Finding CheckResult(FiniteCheck error, float loss, StepResult* result) {
  result->loss = loss;
  FiniteCheck finite;
  finite.Add(loss);
  if (!finite.Passed()) return Found(Status::kNonFinite, Subject::kLoss);
  return error.Passed() ? Finding::kNothing : Found(Status::kNonFinite, Subject::kOutputError);
}

/// One element of an error.
inline void Put(float value, float* error, FiniteCheck* finite) {
  finite->Add(value);
  *error = value;
}

/// For a vector: error = scale (factor p - t), if it is wanted.
TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD void WriteVectorError(const LossSample& sample, const float* p, float factor,
                                                          float scale, FiniteCheck* finite) {
  float* const error = sample.error;
  for (uint32_t i = 0; error != nullptr && i < sample.outputs; ++i) {
    Put(scale * (p[i] * factor - sample.label.values[i]), error + i, finite);
  }
}

/// sum t f(output), and sum t; without the outputs whose t is zero.
template <class Function>
float SumOverVector(const LossSample& sample, float* total, Function f) {
  float sum = 0.0f;
  *total = 0.0f;
  for (uint32_t i = 0; i < sample.outputs; ++i) {
    const float t = sample.label.values[i];
    if (t == 0.0f) continue;
    sum += t * f(sample.output[i]);
    *total += t;
  }
  return sum;
}

/// L = -sum t log p. At softmax's input dL/dz = scale (p sum t - t), which is scale (p - t) for a distribution t.
TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD Finding SoftmaxCrossEntropyOfVector(const LossSample& sample, StepResult* result) {
  const Finding finding = CheckSample(sample, 0, result);
  if (finding != Finding::kNothing) return finding;
  float total;
  const float sum = SumOverVector(sample, &total, ClampedLog);
  FiniteCheck finite;
  WriteVectorError(sample, sample.output, total, sample.scale, &finite);
  return CheckResult(finite, 0.0f - sum, result);
}

/// The same for a class, which most labels are, in one pass: L = -log p, dL/dz = scale (p - t).
Finding SoftmaxCrossEntropy(const LossSample& sample, StepResult* result) {
  if (sample.label.values != nullptr) return SoftmaxCrossEntropyOfVector(sample, result);
  const auto target = static_cast<uint32_t>(sample.label.index);
  if (target >= sample.outputs) return Found(Status::kInvalidLabel, Subject::kLabel);
  FiniteCheck output_finite, error_finite;
  const float *value = sample.output, *const end = value + sample.outputs, *best = value + 1;
  const float scale = sample.scale, p = value[target];  // `error` may be `output`
  const uint32_t stride = sample.error != nullptr;
  float unused, *error = stride != 0 ? sample.error : &unused;
  float* const of_class = error + target * stride;
  float largest = *value;
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
  result->correct = best == sample.output + target + 1;
  Put(scale * (p - 1.0f), of_class, &error_finite);
  return CheckResult(error_finite, 0.0f - ClampedLog(p), result);
}

/// L = sum t (log sum exp z - z), with the largest z taken out of the exponentials.
Finding SoftmaxCrossEntropyFromLogits(const LossSample& sample, StepResult* result) {
  const Finding finding = CheckSample(sample, sample.outputs - 1, result);
  if (finding != Finding::kNothing) return finding;
  const float* const z = sample.output;
  float* const error = sample.error;
  const float largest = z[ArgMax(z, sample.outputs)];
  const bool vector = sample.label.values != nullptr;
  const int32_t target = sample.label.index;
  float total = 1.0f, shifted;
  if (vector) {
    shifted = SumOverVector(sample, &total, [largest](float of_class) { return of_class - largest; });
  } else {
    shifted = z[target] - largest;
  }
  float sum = 0.0f;
  if (error != nullptr) {
    sum = ExpAndSum(1.0f, z, largest, sample.outputs, error);
  } else {
    for (uint32_t i = 0; i < sample.outputs; ++i) sum += Exp(z[i] - largest);
  }
  const float factor = total / sum;
  FiniteCheck finite;
  if (vector) {
    WriteVectorError(sample, error, factor, 1.0f, &finite);
  } else if (error != nullptr) {
    const float of_class = error[target] * factor - 1.0f;
    for (float* e = error; e != error + sample.outputs; ++e) Put(*e * factor, e, &finite);
    Put(of_class, error + target, &finite);
  }
  return CheckResult(finite, total * ClampedLog(sum) - shifted, result);
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
