// The parity build's functions against the standard library in double.
#include "kernel_testing.h"
#include "tflm_train/kernels/math.h"

using namespace tflm_train;

namespace {

constexpr double kRelative = 2e-7;
const float kInfinity = std::numeric_limits<float>::infinity();

template <class Function, class Reference>
double WorstRelative(float begin, float end, float step, Function f, Reference reference) {
  double worst = 0;
  for (float x = begin; x <= end; x += step) {
    const double expected = reference(static_cast<double>(x));
    const double difference = std::fabs(static_cast<double>(f(x)) - expected) / std::fmax(std::fabs(expected), 1.2e-38);
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

}  // namespace

TEST_CASE("math: exp") {
  const auto reference = [](double x) { return std::exp(x); };
  const double worst = std::fmax(WorstRelative(-87.0f, 88.7f, 0.0137f, basic::Exp, reference),
                                 WorstRelative(-1.0f, 1.0f, 0.00037f, basic::Exp, reference));
  MESSAGE("largest relative difference: " << worst);
  CHECK(worst <= kRelative);
  CHECK(basic::Exp(0.0f) == 1.0f);
  CHECK(basic::Exp(89.0f) == kInfinity);
  CHECK(basic::Exp(kInfinity) == kInfinity);
  CHECK(basic::Exp(-104.0f) == 0.0f);
  CHECK(basic::Exp(-kInfinity) == 0.0f);
  CHECK(basic::Exp(-100.0f) == doctest::Approx(3.783506e-44).epsilon(0.02));  // denormal
  for (float x : {-86.9f, -87.0f, -87.3f, 88.3f, 88.4f, 88.7f}) {             // where another way of scaling begins
    const double expected = reference(static_cast<double>(x));
    CHECK(std::fabs(static_cast<double>(basic::Exp(x)) - expected) <= kRelative * expected);
  }
  for (float huge : {3e7f, 3e9f, 3e38f}) {
    CHECK(basic::Exp(huge) == kInfinity);
    CHECK(basic::Exp(-huge) == 0.0f);
  }
  CHECK(std::isnan(basic::Exp(std::nanf(""))));
}

TEST_CASE("math: log") {
  const auto reference = [](double x) { return std::log(x); };
  double worst = std::fmax(WorstRelative(0.5f, 2.0f, 0.000173f, basic::ClampedLog, reference),
                           WorstRelative(1.0f, 1e6f, 977.7f, basic::ClampedLog, reference));
  for (float scale = 1.5e-38f; scale < 1.0f; scale *= 1.37f) {
    worst = std::fmax(worst, WorstRelative(scale, scale, 1.0f, basic::ClampedLog, reference));
  }
  MESSAGE("largest relative difference: " << worst);
  CHECK(worst <= 1e-7);
  CHECK(basic::ClampedLog(1.0f) == 0.0f);
  CHECK(basic::ClampedLog(3.4e38f) == doctest::Approx(88.722009).epsilon(1e-6));
  const float smallest = std::numeric_limits<float>::min();
  for (float x : {smallest, 1e-40f, 0.0f, -0.0f, -1e-40f, -1.0f, -3e38f}) {
    CHECK(basic::ClampedLog(x) == basic::ClampedLog(smallest));
    CHECK(ClampedLog(x) == doctest::Approx(-87.336545).epsilon(1e-6));
  }
}

TEST_CASE("math: tanh") {
  const auto reference = [](double x) { return std::tanh(x); };
  const double worst = std::fmax(WorstRelative(-10.0f, 10.0f, 0.00113f, basic::Tanh, reference),
                                 WorstRelative(-0.01f, 0.01f, 0.0000037f, basic::Tanh, reference));
  MESSAGE("largest relative difference: " << worst);
  CHECK(worst <= kRelative);
  CHECK(basic::Tanh(0.0f) == 0.0f);
  CHECK(basic::Tanh(kInfinity) == 1.0f);
  CHECK(basic::Tanh(-50.0f) == -1.0f);
  CHECK(std::isnan(basic::Tanh(std::nanf(""))));
}
