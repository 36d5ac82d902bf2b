#include <doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "tflm_train/runtime/losses.h"

using namespace tflm_train;

namespace {

using Vector = std::vector<float>;
const float kNan = std::numeric_limits<float>::quiet_NaN();

struct Result {
  float loss;
  Vector error;
};

Result Compute(LossId loss, const Vector& values, const Label& label, float scale = 1.0f) {
  const auto n = static_cast<uint32_t>(values.size());
  Result result = {0.0f, Vector(n)};
  REQUIRE(CheckLabel(loss, label, n) == Status::kOk);
  result.loss = ComputeLoss(loss, scale, values.data(), n, label, result.error.data());
  // The same without error, and in place.
  CHECK(ComputeLoss(loss, scale, values.data(), n, label, nullptr) == result.loss);
  Vector in_place = values;
  CHECK(ComputeLoss(loss, scale, in_place.data(), n, label, in_place.data()) == result.loss);
  CHECK(in_place == result.error);
  return result;
}

/// The losses written down once more, in double, as functions of what stands before softmax or sigmoid.
double Reference(LossId loss, const std::vector<double>& z, const std::vector<double>& t, double beta) {
  const double n = static_cast<double>(z.size());
  double sum = 0.0, value = 0.0;
  for (double z_i : z) sum += std::exp(beta * z_i);
  for (size_t i = 0; i < z.size(); ++i) {
    const double sigmoid = 1.0 / (1.0 + std::exp(-z[i]));
    switch (loss) {
      case LossId::kSoftmaxCrossEntropy:
      case LossId::kSoftmaxCrossEntropyFromLogits:
        value -= t[i] * (beta * z[i] - std::log(sum));
        break;
      case LossId::kBinaryCrossEntropy:
      case LossId::kBinaryCrossEntropyFromLogits:
        value -= (t[i] * std::log(sigmoid) + (1.0 - t[i]) * std::log(1.0 - sigmoid)) / n;
        break;
      default:
        value += (z[i] - t[i]) * (z[i] - t[i]) / n;
    }
  }
  return value;
}

bool TakesProbabilities(LossId loss) {
  return loss == LossId::kSoftmaxCrossEntropy || loss == LossId::kBinaryCrossEntropy;
}

}  // namespace

TEST_CASE("softmax cross entropy by hand") {
  const Result class_1 = Compute(LossId::kSoftmaxCrossEntropy, {0.25f, 0.5f, 0.25f}, Label::Class(1));
  CHECK(class_1.loss == doctest::Approx(0.6931472));
  CHECK(class_1.error == Vector{0.25f, -0.5f, 0.25f});
  const Result scaled = Compute(LossId::kSoftmaxCrossEntropy, {0.25f, 0.5f, 0.25f}, Label::Class(1), 2.0f);
  CHECK(scaled.error == Vector{0.5f, -1.0f, 0.5f});
  const float half[] = {0.5f, 0.5f, 0.0f};
  const Result soft = Compute(LossId::kSoftmaxCrossEntropy, {0.25f, 0.5f, 0.25f}, Label::Vector(half));
  CHECK(soft.loss == doctest::Approx(1.0397208));
  CHECK(soft.error == Vector{-0.25f, 0.0f, 0.25f});
}

TEST_CASE("softmax cross entropy from logits by hand") {
  const Result result = Compute(LossId::kSoftmaxCrossEntropyFromLogits, {0.0f, std::log(3.0f)}, Label::Class(0));
  CHECK(result.loss == doctest::Approx(1.3862944));
  CHECK(result.error[0] == doctest::Approx(-0.75));
  CHECK(result.error[1] == doctest::Approx(0.75));
}

TEST_CASE("binary cross entropy by hand") {
  const Result one = Compute(LossId::kBinaryCrossEntropy, {0.25f}, Label::Class(1));
  CHECK(one.loss == doctest::Approx(1.3862944));
  CHECK(one.error == Vector{-0.75f});
  const float target[] = {1.0f, 0.0f};
  const Result two = Compute(LossId::kBinaryCrossEntropy, {0.5f, 0.25f}, Label::Vector(target));
  CHECK(two.loss == doctest::Approx((0.6931472 + 0.2876821) / 2));
  CHECK(two.error == Vector{-0.25f, 0.125f});
  const Result logit = Compute(LossId::kBinaryCrossEntropyFromLogits, {0.0f}, Label::Class(0));
  CHECK(logit.loss == doctest::Approx(0.6931472));
  CHECK(logit.error == Vector{0.5f});
}

TEST_CASE("mean squared error by hand") {
  const float target[] = {1.0f, 0.0f};
  const Result two = Compute(LossId::kMeanSquaredError, {3.0f, -1.0f}, Label::Vector(target));
  CHECK(two.loss == 2.5f);
  CHECK(two.error == Vector{2.0f, -1.0f});
  CHECK(Compute(LossId::kMeanSquaredError, {3.0f, -1.0f}, Label::Class(0)).loss == 2.5f);  // one-hot
  const Result number = Compute(LossId::kMeanSquaredError, {3.0f}, Label::Class(-2));
  CHECK(number.loss == 25.0f);
  CHECK(number.error == Vector{10.0f});
}

TEST_CASE("errors equal central differences of the losses in double") {
  constexpr double kStep = 1e-5;
  const LossId losses[] = {LossId::kSoftmaxCrossEntropy, LossId::kSoftmaxCrossEntropyFromLogits,
                           LossId::kBinaryCrossEntropy, LossId::kBinaryCrossEntropyFromLogits,
                           LossId::kMeanSquaredError};
  const std::vector<double> z = {0.3, -1.7, 2.1, 0.9, -0.2};
  const std::vector<double> t = {0.1, 0.25, 0.4, 0.05, 0.2};
  const Vector target(t.begin(), t.end());
  double worst = 0.0;
  for (LossId loss : losses) {
    const double beta = loss == LossId::kSoftmaxCrossEntropy ? 1.5 : 1.0;
    double sum = 0.0;
    for (double z_i : z) sum += std::exp(beta * z_i);
    Vector values;
    for (double z_i : z) {
      const double p = loss == LossId::kSoftmaxCrossEntropy ? std::exp(beta * z_i) / sum : 1.0 / (1.0 + std::exp(-z_i));
      values.push_back(static_cast<float>(TakesProbabilities(loss) ? p : z_i));
    }
    const Result result = Compute(loss, values, Label::Vector(target.data()), static_cast<float>(beta));
    CHECK(result.loss == doctest::Approx(Reference(loss, z, t, beta)).epsilon(1e-6));
    double largest = 0.0, difference = 0.0;
    for (size_t i = 0; i < z.size(); ++i) {
      std::vector<double> above = z, below = z;
      above[i] += kStep;
      below[i] -= kStep;
      const double slope = (Reference(loss, above, t, beta) - Reference(loss, below, t, beta)) / (2 * kStep);
      largest = std::max(largest, std::fabs(slope));
      difference = std::max(difference, std::fabs(slope - static_cast<double>(result.error[i])));
    }
    worst = std::max(worst, difference / largest);
  }
  std::printf("losses: largest difference to central differences %.1e\n", worst);
  CHECK(worst < 1e-6);
}

TEST_CASE("hopeless samples have a finite loss") {
  const float huge = 1e30f;
  CHECK(Compute(LossId::kSoftmaxCrossEntropy, {1.0f, 0.0f}, Label::Class(1)).loss == doctest::Approx(87.33655));
  CHECK(std::isfinite(Compute(LossId::kSoftmaxCrossEntropyFromLogits, {huge, -huge}, Label::Class(1)).loss));
  CHECK(std::isfinite(Compute(LossId::kBinaryCrossEntropy, {0.0f}, Label::Class(1)).loss));
  CHECK(std::isfinite(Compute(LossId::kBinaryCrossEntropy, {1.0f}, Label::Class(0)).loss));
  const Result logit = Compute(LossId::kBinaryCrossEntropyFromLogits, {-200.0f}, Label::Class(1));
  CHECK(logit.loss == 200.0f);
  CHECK(logit.error == Vector{-1.0f});
  CHECK(Compute(LossId::kBinaryCrossEntropyFromLogits, {200.0f}, Label::Class(1)).loss == 0.0f);
}

TEST_CASE("the label chooses the loss of a linear end") {
  const float target[] = {0.0f, 1.0f};
  CHECK(ChooseLoss(LossId::kAutoLinear, Label::Class(1), 2) == LossId::kSoftmaxCrossEntropyFromLogits);
  CHECK(ChooseLoss(LossId::kAutoLinear, Label::Class(7), 1) == LossId::kMeanSquaredError);
  CHECK(ChooseLoss(LossId::kAutoLinear, Label::Vector(target), 2) == LossId::kMeanSquaredError);
  CHECK(ChooseLoss(LossId::kBinaryCrossEntropy, Label::Class(1), 2) == LossId::kBinaryCrossEntropy);
}

TEST_CASE("labels that do not fit") {
  const auto check = [](LossId loss, int32_t index, uint32_t outputs) {
    return CheckLabel(loss, Label::Class(index), outputs);
  };
  CHECK(check(LossId::kSoftmaxCrossEntropy, 2, 3) == Status::kOk);
  CHECK(check(LossId::kSoftmaxCrossEntropy, 3, 3) == Status::kInvalidLabel);
  CHECK(check(LossId::kSoftmaxCrossEntropyFromLogits, -1, 3) == Status::kInvalidLabel);
  CHECK(check(LossId::kBinaryCrossEntropy, 1, 1) == Status::kOk);
  CHECK(check(LossId::kBinaryCrossEntropy, 2, 1) == Status::kInvalidLabel);
  CHECK(check(LossId::kBinaryCrossEntropyFromLogits, -1, 1) == Status::kInvalidLabel);
  CHECK(check(LossId::kMeanSquaredError, 100, 1) == Status::kOk);
  CHECK(check(LossId::kMeanSquaredError, 100, 2) == Status::kInvalidLabel);
  CHECK(check(LossId::kAutoLinear, 2, 2) == Status::kInvalidLabel);
  CHECK(check(LossId::kAutoLinear, 1000, 1) == Status::kOk);
  const float broken[] = {0.0f, kNan};
  CHECK(CheckLabel(LossId::kMeanSquaredError, Label::Vector(broken), 2) == Status::kNonFinite);
  CHECK(CheckLabel(LossId::kMeanSquaredError, Label::Vector(broken), 1) == Status::kOk);
}

TEST_CASE("what counts as correct") {
  const float tie[] = {0.2f, 0.4f, 0.4f};
  CHECK(IsCorrect(LossId::kSoftmaxCrossEntropy, tie, 3, Label::Class(1)));  // the first of equals
  CHECK_FALSE(IsCorrect(LossId::kSoftmaxCrossEntropy, tie, 3, Label::Class(2)));
  const float target[] = {0.0f, 1.0f, 0.0f};
  CHECK(IsCorrect(LossId::kMeanSquaredError, tie, 3, Label::Vector(target)));
  const float output = 0.4f, positive = 0.7f;
  CHECK(IsCorrect(LossId::kBinaryCrossEntropy, &output, 1, Label::Class(0)));
  CHECK(IsCorrect(LossId::kBinaryCrossEntropyFromLogits, &output, 1, Label::Class(1)));
  CHECK_FALSE(IsCorrect(LossId::kMeanSquaredError, &output, 1, Label::Vector(&positive)));
}
