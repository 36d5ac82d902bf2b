// Random data, the error measure, finite differences: what the tests of all kernels share.
#pragma once

#include <doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tflm_train/kernels/types.h"
#include "tflm_train/kernels/workspace.h"

namespace tflm_train {
namespace testing {

/// Gradients by finite differences agree to this, by `Measure`.
inline constexpr double kTolerance = 1e-6;

/// The same numbers on every target.
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed * 2654435761u + 12345u) {}
  uint32_t Next() {
    state_ = state_ * 1664525u + 1013904223u;
    return state_ >> 8;
  }
  uint32_t Below(uint32_t n) { return Next() % n; }
  /// In [-scale, scale), a multiple of scale / 2^15: float and double hold it alike.
  template <class T>
  T Uniform(T scale = T(1)) {
    return scale * (static_cast<T>(Next() >> 8) - T(32768)) / T(32768);
  }
  template <class T>
  std::vector<T> Vector(size_t n, T scale = T(1)) {
    std::vector<T> values(n);
    for (T& value : values) value = Uniform<T>(scale);
    return values;
  }

 private:
  uint32_t state_;
};

/// max |a - b| / max(max |b|, 1e-12).
template <class T>
double Measure(const std::vector<T>& a, const std::vector<T>& b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, largest = 1e-12;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(d <= difference)) difference = d;  // NaN counts
    largest = std::fmax(largest, std::fabs(static_cast<double>(b[i])));
  }
  return difference / largest;
}

template <class T>
bool SameBits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
double Dot(const std::vector<T>& a, const std::vector<T>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// Gradient of f() with respect to `x`, which f reads, by central differences.
template <class Function>
std::vector<double> FiniteDifferences(std::vector<double>& x, Function f) {
  constexpr double kStep = 1e-4;
  std::vector<double> gradient(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double value = x[i];
    x[i] = value + kStep;
    const double above = f();
    x[i] = value - kStep;
    gradient[i] = (above - f()) / (2 * kStep);
    x[i] = value;
  }
  return gradient;
}

/// Room for some rows of a weight gradient, with numbers in it that a kernel must not read.
template <class T>
class Sums : public Workspace<T> {
 public:
  explicit Sums(size_t count) : Workspace<T>{}, storage_(count, T(1e9)) {
    this->values = storage_.data();
    this->elements = static_cast<uint32_t>(count);
  }
  Sums(const Sums&) = delete;

 private:
  std::vector<T> storage_;
};

inline Selection All() { return {}; }
inline Selection NonZero() { return {Selection::Mode::kNonZero}; }

inline std::vector<uint32_t> Iota(size_t n) {
  std::vector<uint32_t> indices(n);
  for (size_t i = 0; i < n; ++i) indices[i] = static_cast<uint32_t>(i);
  return indices;
}

/// Checks that elements that are left out do the same as zeros, to the bit. run(selection, error) returns what a
/// backward kernel wrote. The error gets zeros of either sign.
template <class T, class Run>
void CheckSelections(Random& random, std::vector<T> error, Run run) {
  for (T& value : error) {
    if (random.Below(3) == 0) value = random.Below(2) == 0 ? T(0) : -T(0);
  }
  CHECK(SameBits(run(NonZero(), error), run(All(), error)));
}

}  // namespace testing
}  // namespace tflm_train
