#include "tflm_train/runtime/losses.h"

#include <cfloat>

#include "tflm_train/kernels/math.h"
#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/finite.h"

namespace tflm_train {
namespace {

/// The label as a vector.
class Target {
 public:
  Target(const Label& label, uint32_t outputs)
      : values_(label.values), index_(label.index), single_(outputs == 1 && label.values == nullptr) {}

  /// For losses per output: the number of a single output is the target.
  float Number(uint32_t i) const { return single_ ? static_cast<float>(index_) : Probability(i); }
  /// For losses over classes.
  float Probability(uint32_t i) const {
    if (values_ != nullptr) return values_[i];
    return static_cast<int32_t>(i) == index_ ? 1.0f : 0.0f;
  }

  /// Outside [begin, end) the probabilities are zero.
  uint32_t begin() const { return values_ != nullptr ? 0 : static_cast<uint32_t>(index_); }
  uint32_t end(uint32_t outputs) const { return values_ != nullptr ? outputs : static_cast<uint32_t>(index_) + 1; }

 private:
  const float* values_;
  int32_t index_;
  bool single_;
};

/// A probability of zero costs 87, not infinity: a hopeless sample is no reason to stop.
TFLM_TRAIN_NOINLINE float SafeLog(float x) { return Log(x < FLT_MIN ? FLT_MIN : x); }

/// L = -sum t log p. At softmax's input dL/dz = scale (p sum t - t), which is scale (p - t) for a distribution t.
float SoftmaxCrossEntropy(float scale, const float* p, uint32_t outputs, const Target& target, float* error) {
  float loss = 0.0f, total = 0.0f;
  const uint32_t begin = target.begin(), end = target.end(outputs);
  for (uint32_t i = begin; i < end; ++i) {
    const float t = target.Probability(i);
    if (t == 0.0f) continue;
    loss -= t * SafeLog(p[i]);
    total += t;
  }
  if (error == nullptr) return loss;
  for (uint32_t i = 0; i < begin; ++i) error[i] = scale * (p[i] * total);
  for (uint32_t i = begin; i < end; ++i) error[i] = scale * (p[i] * total - target.Probability(i));
  for (uint32_t i = end; i < outputs; ++i) error[i] = scale * (p[i] * total);
  return loss;
}

/// L = sum t (log sum exp z - z), with the largest z taken out of the exponentials.
TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD float SoftmaxCrossEntropyFromLogits(const float* z, uint32_t outputs, const Target& target, float* error) {
  float largest = z[0];
  for (uint32_t i = 1; i < outputs; ++i) largest = z[i] > largest ? z[i] : largest;
  float sum = 0.0f, total = 0.0f, shifted = 0.0f;
  for (uint32_t i = 0; i < outputs; ++i) {
    const float t = target.Probability(i);
    const float below = z[i] - largest;
    if (t != 0.0f) {
      shifted += t * below;
      total += t;
    }
    const float e = Exp(below);
    sum += e;
    if (error != nullptr) error[i] = e;
  }
  const float factor = total / sum;
  for (uint32_t i = 0; error != nullptr && i < outputs; ++i) error[i] = error[i] * factor - target.Probability(i);
  return total * SafeLog(sum) - shifted;
}

/// The losses that are means over outputs:
///   BINARY_CROSS_ENTROPY               L = -(t log p + (1 - t) log(1 - p)), dL/dz = p - t at the sigmoid's input
///   BINARY_CROSS_ENTROPY_FROM_LOGITS   L = max(z, 0) - z t + log(1 + exp(-|z|))
///   MEAN_SQUARED_ERROR                 L = (p - t)^2, dL/dp = 2 (p - t)
TFLM_TRAIN_NOINLINE TFLM_TRAIN_COLD float MeanLoss(LossId loss, const float* values, uint32_t outputs, const Target& target, float* error) {
  const float n = static_cast<float>(outputs);
  float sum = 0.0f;
  for (uint32_t i = 0; i < outputs; ++i) {
    const float t = target.Number(i), x = values[i];
    float derivative = x - t;
    if (loss == LossId::kBinaryCrossEntropy) {
      sum -= t * SafeLog(x) + (1.0f - t) * SafeLog(1.0f - x);
    } else if (loss == LossId::kBinaryCrossEntropyFromLogits) {
      const float e = Exp(x < 0.0f ? x : -x);
      sum += (x > 0.0f ? x : 0.0f) - x * t + SafeLog(1.0f + e);
      derivative = (x < 0.0f ? e : 1.0f) / (1.0f + e) - t;
    } else {
      sum += derivative * derivative;
      derivative *= 2.0f;
    }
    if (error != nullptr) error[i] = derivative / n;
  }
  return sum / n;
}

TFLM_TRAIN_NOINLINE uint32_t ArgMax(const float* values, uint32_t count) {
  uint32_t best = 0;
  float largest = values[0];
  for (uint32_t i = 1; i < count; ++i) {
    if (!(values[i] > largest)) continue;
    largest = values[i];
    best = i;
  }
  return best;
}

bool IsBinary(LossId loss) {
  return loss == LossId::kBinaryCrossEntropy || loss == LossId::kBinaryCrossEntropyFromLogits;
}

}  // namespace

LossId ChooseLoss(LossId loss, const Label& label, uint32_t outputs) {
  if (loss != LossId::kAutoLinear) return loss;
  return label.values != nullptr || outputs == 1 ? LossId::kMeanSquaredError : LossId::kSoftmaxCrossEntropyFromLogits;
}

Status CheckLabel(LossId loss, const Label& label, uint32_t outputs) {
  if (label.values != nullptr) return AllFinite(label.values, outputs) ? Status::kOk : Status::kNonFinite;
  const LossId chosen = ChooseLoss(loss, label, outputs);
  if (outputs == 1 && chosen == LossId::kMeanSquaredError) return Status::kOk;
  const uint32_t classes = outputs == 1 && IsBinary(chosen) ? 2 : outputs;
  return label.index >= 0 && static_cast<uint32_t>(label.index) < classes ? Status::kOk : Status::kInvalidLabel;
}

float ComputeLoss(LossId loss, float scale, const float* values, uint32_t outputs, const Label& label, float* error) {
  const Target target(label, outputs);
  if (loss == LossId::kSoftmaxCrossEntropy) return SoftmaxCrossEntropy(scale, values, outputs, target, error);
  if (loss == LossId::kSoftmaxCrossEntropyFromLogits) {
    return SoftmaxCrossEntropyFromLogits(values, outputs, target, error);
  }
  return MeanLoss(loss, values, outputs, target, error);
}

bool IsCorrect(LossId loss, const float* output, uint32_t outputs, const Label& label) {
  if (outputs == 1) {
    const float middle = loss == LossId::kBinaryCrossEntropyFromLogits ? 0.0f : 0.5f;
    const float target = label.values != nullptr ? label.values[0] : static_cast<float>(label.index);
    return (output[0] > middle) == (target > 0.5f);
  }
  const uint32_t best = ArgMax(output, outputs);
  return label.values != nullptr ? best == ArgMax(label.values, outputs) : static_cast<int32_t>(best) == label.index;
}

}  // namespace tflm_train
