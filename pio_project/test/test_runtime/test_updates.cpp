// Updates of integer weights: every residue, long sequences, saturation.
#include <doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>

#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/policies.h"

using namespace tflm_train;

namespace {

/// Weights of one scale under an update.
template <class Integer, int n>
struct Weights {
  Integer values[n] = {};
  int8_t remainders[n] = {};
  uint32_t state = 0;

  template <class Gradient>
  void Step(void (*run)(const IntegerRow<Integer, Gradient>&), const Gradient& gradient, Integer most) {
    run({values, remainders, gradient, n, 1, most, 7, &state});
  }
  void Step(void (*run)(const IntegerRow<Integer, FloatGradient>&), const float* gradient, float factor, Integer most) {
    Step(run, FloatGradient{gradient, factor}, most);
  }
};

float NaN() { return std::numeric_limits<float>::quiet_NaN(); }
float Infinity() { return std::numeric_limits<float>::infinity(); }

}  // namespace

TEST_CASE("Rounding to nearest takes ties up and stops at its ends") {
  for (int i = -4096; i <= 4096; ++i) {
    const float value = static_cast<float>(i) / 64.0f;
    CHECK(RoundHalfUp<int8_t>(value) == static_cast<int32_t>(std::floor(value + 0.5f)));
    CHECK(RoundHalfUp<int32_t>(value) == static_cast<int64_t>(std::floor(value + 0.5f)));
  }
  CHECK(RoundHalfUp<int8_t>(Infinity()) == 1 << 30);
  CHECK(RoundHalfUp<int8_t>(-3e38f) == -(1 << 30));
  CHECK(RoundHalfUp<int32_t>(Infinity()) == int64_t{1} << 62);
  CHECK(RoundHalfUp<int32_t>(-Infinity()) == -(int64_t{1} << 62));
  CHECK(RoundHalfUp<int8_t>(NaN()) == 0);
}

TEST_CASE("Stochastic rounding of every residue has the residue as its mean") {
  constexpr int kBits = 8;
  for (int32_t step = -700; step <= 700; ++step) {
    int32_t sum = 0;
    for (uint32_t random = 0; random < 1u << kBits; ++random) sum += RoundStochastically(step, kBits, random);
    CHECK(sum == step);  // the sum over 2^kBits values, and the step in 1/2^kBits
  }
}

TEST_CASE("Stochastic steps of zero mean do not move weights") {
  constexpr int n = 500;
  Weights<int8_t, n> weights;
  float gradient[n];
  for (int step = 0; step < 10000; ++step) {
    for (int i = 0; i < n; ++i) gradient[i] = (i + step) % 2 == 0 ? 0.234f : -0.234f;
    weights.Step(kStochasticUpdate.weights, gradient, 1.0f, 127);
  }
  int sum = 0;
  for (int8_t value : weights.values) sum += value;
  // A random walk of 10^4 steps has a deviation of 42 units and is cut at 127: the mean of 500 deviates by 2.
  CHECK(std::abs(sum) < 6 * n);
}

TEST_CASE("Stochastic steps below one unit arrive in the mean") {
  constexpr int n = 500, kSteps = 400;
  Weights<int8_t, n> weights;
  float gradient[n];
  for (float& g : gradient) g = 0.1f;
  for (int step = 0; step < kSteps; ++step) weights.Step(kStochasticUpdate.weights, gradient, 1.0f, 127);
  float sum = 0.0f;
  for (int8_t value : weights.values) sum += value;
  CHECK(std::abs(sum / n - 0.1f * kSteps) < 1.2f);  // 6 units deviation each, 0.27 of their mean
}

TEST_CASE("A weight and its remainder are one number") {
  Weights<int8_t, 3> weights;
  const float gradient[] = {1.0f, -1.0f, 0.5f};
  for (int step = 1; step <= 1000; ++step) {
    weights.Step(kInt16MasterUpdate.weights, gradient, 1.0f / 256.0f, 127);
    CHECK(256 * weights.values[0] + weights.remainders[0] == step);
    CHECK(256 * weights.values[1] + weights.remainders[1] == -step);
    CHECK(256 * weights.values[2] + weights.remainders[2] == step);  // half a part rounds up
    CHECK(weights.values[0] == (step + 128) / 256);
  }
}

TEST_CASE("Integer weights stay in [-127, 127], biases in their bounds, with all updates") {
  for (const Update* update : {&kInt16MasterUpdate, &kStochasticUpdate, &kNearestUpdate}) {
    Weights<int8_t, 4> weights;
    weights.values[3] = -128;  // a file may hold it
    Weights<int32_t, 4> biases;
    const float gradient[] = {1.0f, -1.0f, NaN(), 0.0f};
    for (float size : {1.0f, 300.0f, 1e6f, 1e30f, Infinity()}) {
      for (int step = 0; step < 200; ++step) {
        weights.Step(update->weights, gradient, size, 127);
        biases.Step(update->biases, gradient, size, 1000);
      }
      CHECK(weights.values[0] == 127);
      CHECK(weights.values[1] == -127);
      CHECK(weights.values[2] == 0);
      CHECK(weights.values[3] == -127);
      CHECK(biases.values[1] >= -1000);
      CHECK(biases.values[0] <= 1000);
      if (size > 10.0f) CHECK(biases.values[0] == 1000);
      if (size > 10.0f) CHECK(biases.values[1] == -1000);
    }
    weights.Step(update->weights, gradient, -1e30f, 127);
    CHECK(weights.values[0] == -127);
    CHECK(weights.values[1] == 127);
  }
}

TEST_CASE("The nearest integer loses steps below half a unit") {
  Weights<int8_t, 2> weights;
  const float gradient[] = {0.49f, 0.5f};
  for (int step = 0; step < 10; ++step) weights.Step(kNearestUpdate.weights, gradient, 1.0f, 127);
  CHECK(weights.values[0] == 0);
  CHECK(weights.values[1] == 10);
}

TEST_CASE("Biases take small steps beside large values") {
  Weights<int32_t, 2> biases;
  biases.values[0] = 1 << 30;
  const float gradient[] = {1.0f, 1.0f};
  for (int step = 0; step < 512; ++step) {
    biases.Step(kInt16MasterUpdate.biases, gradient, 1.0f / 256.0f, INT32_MAX - 100);
  }
  CHECK(biases.values[0] == (1 << 30) + 2);
  CHECK(biases.values[1] == 2);
}

TEST_CASE("A gradient of integers does what the same one of floats does, with all updates") {
  // Integers that are multiples of a step of 2^-10 or more: products are exact in floats.
  constexpr int n = 201;
  for (const Update* update : {&kInt16MasterUpdate, &kStochasticUpdate, &kNearestUpdate}) {
    Weights<int8_t, n> floats, sums;
    Weights<int32_t, n> float_biases, sum_biases;
    for (const float unit : {0.25f, -0.0009765625f, 3.0f, -150.0f, 0.0078125f, -0.0f}) {
      float gradient[n];
      int32_t integers[n];
      for (int step = 0; step < 40; ++step) {
        for (int i = 0; i < n; ++i) integers[i] = (i - n / 2) * (step % 5 - 2) + step;
        for (int i = 0; i < n; ++i) gradient[i] = static_cast<float>(integers[i]);
        floats.Step(update->weights, gradient, unit, 127);
        sums.Step(update->weights_by_sums, SumGradient{integers, Fixed(unit)}, 127);
        float_biases.Step(update->biases, gradient, unit, 4000);
        sum_biases.Step(update->biases_by_sums, SumGradient{integers, Fixed(unit)}, 4000);
      }
      CHECK(std::equal(floats.values, floats.values + n, sums.values));
      CHECK(std::equal(floats.remainders, floats.remainders + n, sums.remainders));
      CHECK(std::equal(float_biases.values, float_biases.values + n, sum_biases.values));
      CHECK(std::equal(float_biases.remainders, float_biases.remainders + n, sum_biases.remainders));
      CHECK(floats.state == sums.state);
    }
  }
}

TEST_CASE("Gradients of integers: saturation at both ends, from sums at the ends of 32 bits") {
  for (const Update* update : {&kInt16MasterUpdate, &kStochasticUpdate, &kNearestUpdate}) {
    Weights<int8_t, 4> weights;
    weights.values[3] = -128;  // a file may hold it
    Weights<int32_t, 4> biases;
    const int32_t sums[] = {INT32_MAX, INT32_MIN, 0, 0};
    for (const float unit : {1e-6f, 1.0f, 1e20f, std::numeric_limits<float>::infinity()}) {
      const SumGradient gradient = {sums, Fixed(unit)};
      for (int step = 0; step < 3; ++step) {
        weights.Step(update->weights_by_sums, gradient, 127);
        biases.Step(update->biases_by_sums, gradient, 1000);
      }
      CHECK(weights.values[0] == 127);
      CHECK(weights.values[1] == -127);
      CHECK(weights.values[2] == 0);
      CHECK(weights.values[3] == -127);
      CHECK(biases.values[0] == 1000);
      CHECK(biases.values[1] == -1000);
      CHECK(biases.values[2] == 0);
    }
    weights.Step(update->weights_by_sums, SumGradient{sums, Fixed(-1e30f)}, 127);
    CHECK(weights.values[0] == -127);
    CHECK(weights.values[1] == 127);
  }
}

TEST_CASE("A gradient of products does what the same one of sums does, with all updates, but for steps of nothing") {
  constexpr int n = 67;
  int16_t inputs[n];
  int32_t sums[n];
  for (int i = 0; i < n; ++i) sums[i] = inputs[i] = static_cast<int16_t>((i * 97) % 511 - 255);
  for (const Update* update : {&kInt16MasterUpdate, &kStochasticUpdate, &kNearestUpdate}) {
    Weights<int8_t, n> by_products, by_sums;
    for (int step = 0; step < 60; ++step) {
      const FixedFactor factor = Fixed(std::ldexp(step % 3 == 0 ? -1.3f : 1.1f, step % 20 - 19));
      by_products.Step(update->weights_by_products, ProductGradient{inputs, factor}, 127);
      by_sums.Step(update->weights_by_sums, SumGradient{sums, factor}, 127);
      REQUIRE(std::equal(by_sums.values, by_sums.values + n, by_products.values));
      REQUIRE(std::equal(by_sums.remainders, by_sums.remainders + n, by_products.remainders));
    }
    CHECK(by_sums.state == by_products.state);
  }
  Weights<int8_t, n> weights;
  weights.remainders[3] = 77;
  for (const float factor : {0.0f, std::ldexp(1.9999f, -18)}) {  // 255 times it is less than half a part
    weights.Step(kInt16MasterUpdate.weights_by_products, ProductGradient{inputs, Fixed(factor)}, 127);
  }
  CHECK(std::count(weights.values, weights.values + n, 0) == n);
  CHECK(std::count(weights.remainders, weights.remainders + n, 0) == n - 1);
}
