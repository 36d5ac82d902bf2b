#include <doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "tflm_train/operators/all_operators.h"

using namespace tflm_train;

namespace {

using Vector = std::vector<float>;
const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();
struct Result {
  float loss;
  Vector error;
};

const Loss& LossOf(LossId id) {
  static const AllOperators all;
  return *all.Find<Loss>(id);
}

Finding Run(LossId id, const Vector& values, const Label& label, float* error, StepResult* result, float scale = 1.0f) {
  const auto outputs = static_cast<uint32_t>(values.size());
  return LossOf(id).run({label, values.data(), outputs, error, scale, outputs}, result);
}

Finding Run(LossId id, const Vector& values, const Label& label, StepResult* result) {
  Vector error(values.size());
  return Run(id, values, label, error.data(), result);
}

Finding Run(LossId id, const Vector& values, const Label& label) {
  StepResult result;
  return Run(id, values, label, &result);
}

bool IsCorrect(LossId id, const Vector& output, const Label& label) {
  StepResult result;
  REQUIRE(Run(id, output, label, &result) == Finding::kNothing);
  REQUIRE(result.decisions == 1);
  return result.correct == 1;
}

Result Compute(LossId id, const Vector& values, const Label& label, float scale = 1.0f) {
  StepResult step, other;
  Vector error(values.size());
  REQUIRE(Run(id, values, label, error.data(), &step, scale) == Finding::kNothing);
  // The same without error and in place.
  CHECK(Run(id, values, label, nullptr, &other, scale) == Finding::kNothing);
  CHECK(other.loss == step.loss);
  Vector in_place = values;
  CHECK(Run(id, in_place, label, in_place.data(), &other, scale) == Finding::kNothing);
  CHECK(other.loss == step.loss);
  CHECK(other.correct == step.correct);
  CHECK(in_place == error);
  return {step.loss, error};
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
      case LossId::kMeanAbsoluteError:
        value += std::fabs(z[i] - t[i]) / n;
        break;
      case LossId::kHuber: {
        const double error = std::fabs(z[i] - t[i]);
        value += (error <= 1.0 ? error * error / 2 : error - 0.5) / n;
        break;
      }
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

TEST_CASE("mean absolute error and Huber loss by hand") {
  const float target[] = {1.0f, 0.0f, 2.0f, 0.5f};
  const Vector values = {3.0f, -1.0f, 2.0f, 0.0f};
  const Result absolute = Compute(LossId::kMeanAbsoluteError, values, Label::Vector(target));
  CHECK(absolute.loss == 0.875f);
  CHECK(absolute.error == Vector{0.25f, -0.25f, 0.0f, -0.25f});
  const Result huber = Compute(LossId::kHuber, values, Label::Vector(target));
  CHECK(huber.loss == 0.53125f);  // 1.5, 0.5, 0, 0.125
  CHECK(huber.error == Vector{0.25f, -0.25f, 0.0f, -0.125f});
  for (const LossId loss : {LossId::kMeanAbsoluteError, LossId::kHuber}) {
    CHECK(Compute(loss, {3.0f}, Label::Class(-2)).error == Vector{1.0f});
    CHECK(Run(loss, {3e38f}, Label::Class(0)) == Finding::kNothing);
    const float far = -3e38f;
    CHECK(Run(loss, {3e38f}, Label::Vector(&far)) == Found(Status::kNonFinite, Subject::kLoss));
  }
}

TEST_CASE("errors equal central differences of the losses in double") {
  constexpr double kStep = 1e-5;
  const LossId losses[] = {LossId::kSoftmaxCrossEntropy,
                           LossId::kSoftmaxCrossEntropyFromLogits,
                           LossId::kBinaryCrossEntropy,
                           LossId::kBinaryCrossEntropyFromLogits,
                           LossId::kMeanSquaredError,
                           LossId::kMeanAbsoluteError,
                           LossId::kHuber};
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
  const auto same = [](LossId id, const Vector& values, const Label& label) {
    const Result chosen = Compute(LossId::kAutoLinear, values, label), expected = Compute(id, values, label);
    return chosen.loss == expected.loss && chosen.error == expected.error;
  };
  CHECK(same(LossId::kSoftmaxCrossEntropyFromLogits, {0.5f, -1.0f}, Label::Class(1)));
  CHECK(same(LossId::kMeanSquaredError, {0.5f}, Label::Class(7)));
  CHECK(same(LossId::kMeanSquaredError, {0.5f, -1.0f}, Label::Vector(target)));
}

TEST_CASE("labels that do not fit") {
  const auto check = [](LossId loss, int32_t index, uint32_t outputs) {
    return Run(loss, Vector(outputs, 0.5f), Label::Class(index));
  };
  constexpr Finding kRefused = Found(Status::kInvalidLabel, Subject::kLabel);
  CHECK(check(LossId::kSoftmaxCrossEntropy, 2, 3) == Finding::kNothing);
  CHECK(check(LossId::kSoftmaxCrossEntropy, 3, 3) == kRefused);
  CHECK(check(LossId::kSoftmaxCrossEntropy, 1, 1) == kRefused);
  CHECK(check(LossId::kSoftmaxCrossEntropyFromLogits, -1, 3) == kRefused);
  CHECK(check(LossId::kBinaryCrossEntropy, 1, 1) == Finding::kNothing);
  CHECK(check(LossId::kBinaryCrossEntropy, 2, 1) == kRefused);
  CHECK(check(LossId::kBinaryCrossEntropy, 2, 3) == Finding::kNothing);
  CHECK(check(LossId::kBinaryCrossEntropyFromLogits, -1, 1) == kRefused);
  CHECK(check(LossId::kMeanSquaredError, 100, 1) == Finding::kNothing);
  CHECK(check(LossId::kMeanSquaredError, -1, 1) == Finding::kNothing);
  CHECK(check(LossId::kMeanSquaredError, 100, 2) == kRefused);
  CHECK(check(LossId::kAutoLinear, 2, 2) == kRefused);
  CHECK(check(LossId::kAutoLinear, 1000, 1) == Finding::kNothing);
}

TEST_CASE("NaN and infinity are refused by name") {
  const auto refused = [](Subject subject) { return Found(Status::kNonFinite, subject); };
  for (uint32_t number = 0; number < kLossCount; ++number) {
    const auto id = static_cast<LossId>(number);
    CAPTURE(static_cast<int>(id));
    for (float bad : {kNan, kInfinity, -kInfinity}) {
      for (size_t place = 0; place < 3; ++place) {
        Vector output = {0.25f, 0.5f, 0.25f}, label = {0.0f, 1.0f, 0.0f};
        label[place] = bad;
        CHECK(Run(id, output, Label::Vector(label.data())) == refused(Subject::kLabel));
        output[place] = bad;
        CHECK(Run(id, output, Label::Class(1)) == refused(Subject::kOutput));
      }
      CHECK(Run(id, {bad}, Label::Class(0)) == refused(Subject::kOutput));
    }
  }
  const float broken[] = {0.0f, kNan};
  CHECK(Run(LossId::kMeanSquaredError, {0.5f}, Label::Vector(broken)) == Finding::kNothing);  // one output
  const float huge[] = {3e38f, 3e38f};
  CHECK(Run(LossId::kMeanSquaredError, {1.0f, 1.0f}, Label::Vector(huge)) == refused(Subject::kLoss));
  CHECK(Run(LossId::kSoftmaxCrossEntropyFromLogits, {3e38f, -3e38f}, Label::Class(1)) == refused(Subject::kLoss));
  // Errors that overflow, the loss does not: of the class, of another one, and with a vector.
  const float half[] = {0.5f, 0.5f};
  const auto scaled = [](const Vector& values, const Label& label) {
    Vector error(values.size());
    StepResult result;
    return Run(LossId::kSoftmaxCrossEntropy, values, label, error.data(), &result, 3e38f);
  };
  CHECK(scaled({3.0f, 0.5f}, Label::Class(0)) == refused(Subject::kOutputError));
  CHECK(scaled({3.0f, 0.5f}, Label::Class(1)) == refused(Subject::kOutputError));
  CHECK(scaled({3.0f, 0.5f}, Label::Vector(half)) == refused(Subject::kOutputError));
}

TEST_CASE("what counts as correct") {
  const Vector tie = {0.2f, 0.4f, 0.4f};
  CHECK(IsCorrect(LossId::kSoftmaxCrossEntropy, tie, Label::Class(1)));  // the first of equals
  CHECK_FALSE(IsCorrect(LossId::kSoftmaxCrossEntropy, tie, Label::Class(2)));
  CHECK(IsCorrect(LossId::kSoftmaxCrossEntropy, {1.0f}, Label::Class(0)));
  const float target[] = {0.0f, 1.0f, 0.0f};
  CHECK(IsCorrect(LossId::kMeanSquaredError, tie, Label::Vector(target)));
  CHECK(IsCorrect(LossId::kMeanSquaredError, {-0.3f, -0.1f, -0.2f}, Label::Class(1)));
  const Vector output = {0.4f};
  const float positive = 0.7f;
  CHECK(IsCorrect(LossId::kBinaryCrossEntropy, output, Label::Class(0)));
  CHECK(IsCorrect(LossId::kBinaryCrossEntropyFromLogits, output, Label::Class(1)));
  CHECK_FALSE(IsCorrect(LossId::kMeanSquaredError, output, Label::Vector(&positive)));
}

namespace {

/// An output of rows of `classes`, with the error where it is wanted.
Finding RunRows(LossId id, const Vector& values, uint32_t classes, const Label& label, Vector* error,
                StepResult* result) {
  error->assign(values.size(), 0.0f);
  const auto outputs = static_cast<uint32_t>(values.size());
  return LossOf(id).run({label, values.data(), outputs, error->data(), 1.0f, classes}, result);
}

}  // namespace

TEST_CASE("an output of several rows is the mean of its rows") {
  const Vector rows = {0.5f, 0.25f, 0.25f, 0.125f, 0.75f, 0.125f};
  const int32_t classes[] = {0, 2};
  const float vector[] = {1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 1.0f};
  for (uint32_t number = 0; number < kLossCount; ++number) {
    const auto id = static_cast<LossId>(number);
    CAPTURE(static_cast<int>(id));
    const Result first = Compute(id, {0.5f, 0.25f, 0.25f}, Label::Class(0));
    const Result second = Compute(id, {0.125f, 0.75f, 0.125f}, Label::Class(2));
    Vector error;
    StepResult result;
    REQUIRE(RunRows(id, rows, 3, Label::Classes(classes), &error, &result) == Finding::kNothing);
    CHECK(result.loss == doctest::Approx((first.loss + second.loss) / 2));
    CHECK(result.correct == 1);
    CHECK(result.decisions == 2);
    for (size_t i = 0; i < 3; ++i) {
      CHECK(error[i] == doctest::Approx(first.error[i] / 2));
      CHECK(error[3 + i] == doctest::Approx(second.error[i] / 2));
    }
    if (id == LossId::kAutoLinear) continue;
    Vector of_vector;
    StepResult same;
    REQUIRE(RunRows(id, rows, 3, Label::Vector(vector), &of_vector, &same) == Finding::kNothing);
    CHECK(same.loss == doctest::Approx(result.loss));
    for (size_t i = 0; i < 6; ++i) CHECK(of_vector[i] == doctest::Approx(error[i]));
  }
}

TEST_CASE("rows of one number") {
  const int32_t numbers[] = {1, 0, 1};
  Vector error;
  StepResult result;
  REQUIRE(RunRows(LossId::kBinaryCrossEntropy, {0.75f, 0.5f, 0.25f}, 1, Label::Classes(numbers), &error, &result) ==
          Finding::kNothing);
  CHECK(result.correct == 2);
  CHECK(result.decisions == 3);
  CHECK(result.loss == doctest::Approx((0.2876821 + 0.6931472 + 1.3862944) / 3));
}

TEST_CASE("labels that do not cover the rows, and classes of one of them") {
  constexpr Finding kRefused = Found(Status::kInvalidLabel, Subject::kLabel);
  const Vector rows = {0.5f, 0.5f, 0.5f, 0.5f};
  Vector error;
  StepResult result;
  for (uint32_t number = 0; number < kLossCount; ++number) {
    const auto id = static_cast<LossId>(number);
    CAPTURE(static_cast<int>(id));
    CHECK(RunRows(id, rows, 2, Label::Class(0), &error, &result) == kRefused);
    for (int32_t wrong : {-1, 2, 1000000}) {
      const int32_t classes[] = {1, wrong};
      CHECK(RunRows(id, rows, 2, Label::Classes(classes), &error, &result) == kRefused);
    }
  }
}

TEST_CASE("targets of cross entropies lie in 0 to 1") {
  constexpr Finding kRefused = Found(Status::kInvalidLabel, Subject::kLabel);
  for (uint32_t number = 0; number < kLossCount; ++number) {
    const auto id = static_cast<LossId>(number);
    CAPTURE(static_cast<int>(id));
    const bool any = id == LossId::kMeanSquaredError || id == LossId::kAutoLinear || id == LossId::kMeanAbsoluteError ||
                     id == LossId::kHuber;
    for (float bad : {-0.001f, 1.001f, 255.0f, -1.0f}) {
      const float label[] = {0.0f, bad};
      CHECK(Run(id, {0.5f, 0.5f}, Label::Vector(label)) == (any ? Finding::kNothing : kRefused));
    }
    const float zeros[] = {0.0f, 0.0f};
    CHECK(Run(id, {0.5f, 0.5f}, Label::Vector(zeros)) == Finding::kNothing);
  }
}

TEST_CASE("binary cross entropy towards a vector decides by element") {
  const float target[] = {1.0f, 1.0f, 0.0f};
  StepResult result;
  REQUIRE(Run(LossId::kBinaryCrossEntropy, {0.9f, 0.6f, 0.2f}, Label::Vector(target), &result) == Finding::kNothing);
  CHECK(result.correct == 3);
  CHECK(result.decisions == 3);
  REQUIRE(Run(LossId::kBinaryCrossEntropyFromLogits, {0.9f, -0.6f, 0.2f}, Label::Vector(target), &result) ==
          Finding::kNothing);
  CHECK(result.correct == 1);
}
