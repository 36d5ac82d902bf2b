#include "tflm_train/policies/losses.h"

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/finite.h"

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

/// Class numbers of a label that is no vector, one for each row.
const int32_t* ClassesOf(const Label& label) { return label.classes != nullptr ? label.classes : &label.index; }

/// Whether the label has a target for every row.
bool CoversRows(const LossSample& sample) {
  return sample.outputs == sample.classes || sample.label.values != nullptr || sample.label.classes != nullptr;
}

float Rows(const LossSample& sample) { return static_cast<float>(sample.outputs) / static_cast<float>(sample.classes); }

/// What a label may hold.
struct LabelRange {
  uint32_t last;     // class
  bool probability;  // a vector's elements lie in [0, 1]
};

TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD bool AreProbabilities(const float* values, uint32_t count) {
  for (const float* value = values; value != values + count; ++value) {
    if (!(*value >= 0.0f && *value <= 1.0f)) return false;
  }
  return true;
}

/// Checks label and output row by row and counts the rows in which their arg-max is the same.
TFLM_TRAIN_NOINLINE Finding CheckSample(const LossSample& sample, LabelRange range, StepResult* result) {
  const Finding invalid = Found(Status::kInvalidLabel, Subject::kLabel);
  if (!CoversRows(sample)) return invalid;
  const uint32_t classes = sample.classes;
  const int32_t* index = ClassesOf(sample.label);
  const float* targets = sample.label.values;
  uint32_t correct = 0, rows = 0;
  for (const float* row = sample.output; row != sample.output + sample.outputs; row += classes, ++rows) {
    int32_t target;
    if (targets != nullptr) {
      target = ArgMax(targets + (row - sample.output), classes);
      if (target < 0) return Found(Status::kNonFinite, Subject::kLabel);
    } else {
      target = *index++;
      if (static_cast<uint32_t>(target) > range.last) return invalid;
    }
    const int32_t best = ArgMax(row, classes);
    if (best < 0) return Found(Status::kNonFinite, Subject::kOutput);
    correct += best == target;
  }
  if (targets != nullptr && range.probability && !AreProbabilities(targets, sample.outputs)) return invalid;
  result->correct = correct;
  result->decisions = rows;
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

/// For a row of a vector: error = scale (factor p - t), if it is wanted.
TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD void WriteVectorError(const float* targets, const float* p, uint32_t count,
                                                          float factor, float scale, float* error,
                                                          FiniteCheck* finite) {
  for (uint32_t i = 0; error != nullptr && i < count; ++i) {
    Put(scale * (p[i] * factor - targets[i]), error + i, finite);
  }
}

/// sum t f(output) of a row, and sum t; without the outputs whose t is zero.
template <class Function>
float SumOverVector(const float* targets, const float* output, uint32_t count, float* total, Function f) {
  float sum = 0.0f;
  *total = 0.0f;
  for (uint32_t i = 0; i < count; ++i) {
    const float t = targets[i];
    if (t == 0.0f) continue;
    sum += t * f(output[i]);
    *total += t;
  }
  return sum;
}

/// L = -sum t log p. At softmax's input dL/dz = scale (p sum t - t), which is scale (p - t) for a distribution t.
TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD Finding SoftmaxCrossEntropyOfVector(const LossSample& sample, StepResult* result) {
  const Finding finding = CheckSample(sample, {0, true}, result);
  if (finding != Finding::kNothing) return finding;
  const float rows = Rows(sample);
  FiniteCheck finite;
  float sum = 0.0f;
  for (uint32_t row = 0; row != sample.outputs; row += sample.classes) {
    const float* const targets = sample.label.values + row;
    const float* const p = sample.output + row;
    float total;
    sum += SumOverVector(targets, p, sample.classes, &total, ClampedLog);
    WriteVectorError(targets, p, sample.classes, total, sample.scale / rows,
                     sample.error != nullptr ? sample.error + row : nullptr, &finite);
  }
  return CheckResult(finite, 0.0f - sum / rows, result);
}

/// The same for classes, which most labels are, in one pass: L = -log p, dL/dz = scale (p - t).
Finding SoftmaxCrossEntropy(const LossSample& sample, StepResult* result) {
  if (sample.label.values != nullptr) return SoftmaxCrossEntropyOfVector(sample, result);
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

/// L = sum t (log sum exp z - z) of one row, with the largest z taken out of the exponentials, and its error. The
/// target is a vector, or the class if `targets` is null.
float RowFromLogits(const float* z, const float* targets, int32_t target, const LossSample& sample, float scale,
                    float* error, FiniteCheck* finite) {
  const uint32_t classes = sample.classes;
  const float largest = z[ArgMax(z, classes)];
  float total = 1.0f, shifted;
  if (targets != nullptr) {
    shifted = SumOverVector(targets, z, classes, &total, [largest](float of_class) { return of_class - largest; });
  } else {
    shifted = z[target] - largest;
  }
  float sum = 0.0f;
  if (error != nullptr) {
    sum = ExpAndSum(1.0f, z, largest, classes, error);
  } else {
    for (uint32_t i = 0; i < classes; ++i) sum += Exp(z[i] - largest);
  }
  const float factor = total / sum;
  if (targets != nullptr) {
    WriteVectorError(targets, error, classes, factor, scale, error, finite);
  } else if (error != nullptr) {
    const float of_class = scale * (error[target] * factor - 1.0f);
    for (float* e = error; e != error + classes; ++e) Put(scale * (*e * factor), e, finite);
    Put(of_class, error + target, finite);
  }
  return total * ClampedLog(sum) - shifted;
}

Finding SoftmaxCrossEntropyFromLogits(const LossSample& sample, StepResult* result) {
  const Finding finding = CheckSample(sample, {sample.classes - 1, true}, result);
  if (finding != Finding::kNothing) return finding;
  const float rows = Rows(sample), scale = 1.0f / rows;
  const float* targets = sample.label.values;
  const int32_t* index = ClassesOf(sample.label);
  FiniteCheck finite;
  float sum = 0.0f;
  for (uint32_t row = 0; row != sample.outputs; row += sample.classes) {
    sum += RowFromLogits(sample.output + row, targets, targets == nullptr ? *index++ : 0, sample, scale,
                         sample.error != nullptr ? sample.error + row : nullptr, &finite);
    if (targets != nullptr) targets += sample.classes;
  }
  return CheckResult(finite, sum / rows, result);
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

/// A loss that is a mean over outputs.
struct MeanLoss {
  LabelRange range;  // `last`: of the numbers that rows of one output have as labels
  float middle;      // of an output, between wrong and right
  PartFunction part;
};

TFLM_TRAIN_NOINLINE Finding RunMean(const LossSample& sample, const MeanLoss& loss, StepResult* result) {
  const uint32_t outputs = sample.outputs, classes = sample.classes;
  const float* const targets = sample.label.values;
  const bool numbers = classes == 1;
  const Finding finding =
      CheckSample(sample, {numbers ? loss.range.last : classes - 1, loss.range.probability}, result);
  if (finding != Finding::kNothing) return finding;
  const bool by_element = numbers || (targets != nullptr && loss.range.probability);
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

Finding BinaryCrossEntropy(const LossSample& sample, StepResult* result) {
  return RunMean(sample, {{1, true}, 0.5f, BinaryCrossEntropyPart}, result);
}

Finding BinaryCrossEntropyFromLogits(const LossSample& sample, StepResult* result) {
  return RunMean(sample, {{1, true}, 0.0f, BinaryCrossEntropyFromLogitsPart}, result);
}

Finding MeanSquaredError(const LossSample& sample, StepResult* result) {
  return RunMean(sample, {{UINT32_MAX, false}, 0.5f, SquaredErrorPart}, result);
}

Finding AutoLinear(const LossSample& sample, StepResult* result) {
  const bool number = sample.label.values != nullptr || sample.classes == 1;
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
