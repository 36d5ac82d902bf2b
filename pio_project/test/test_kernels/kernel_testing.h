// Random data, the error measure, finite differences: what the tests of all kernels share.
#pragma once

#include <doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tflm_train/kernels/types.h"

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

/// A selection of listed elements with its memory.
class List {
 public:
  explicit List(const std::vector<uint32_t>& elements, bool wide = false)
      : narrow_(elements.begin(), elements.end()), wide_(elements) {
    selection_.mode = Selection::Mode::kList;
    selection_.wide = wide;
    selection_.count = static_cast<uint32_t>(elements.size());
    selection_.indices = wide ? static_cast<const void*>(wide_.data()) : narrow_.data();
  }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  operator const Selection&() const { return selection_; }

 private:
  std::vector<uint16_t> narrow_;
  std::vector<uint32_t> wide_;
  Selection selection_;
};

inline Selection All() { return {}; }
inline Selection NonZero() {
  Selection selection;
  selection.mode = Selection::Mode::kNonZero;
  return selection;
}

inline std::vector<uint32_t> Iota(size_t n) {
  std::vector<uint32_t> indices(n);
  for (size_t i = 0; i < n; ++i) indices[i] = static_cast<uint32_t>(i);
  return indices;
}

/// About a third of n indices, ascending.
inline std::vector<uint32_t> RandomSubset(Random& random, size_t n) {
  std::vector<uint32_t> indices;
  for (size_t i = 0; i < n; ++i) {
    if (random.Below(3) == 0) indices.push_back(static_cast<uint32_t>(i));
  }
  return indices;
}

/// The error with everything outside `kept` zeroed.
template <class T>
std::vector<T> Masked(const std::vector<T>& error, const std::vector<uint32_t>& kept) {
  std::vector<T> masked(error.size(), T(0));
  for (uint32_t i : kept) masked[i] = error[i];
  return masked;
}

/// Checks that every way to name the same elements does the same to the bit. run(selection, error) returns what a
/// backward kernel wrote. The error gets zeros, as zero-skip meets them.
template <class T, class Run>
void CheckSelections(Random& random, std::vector<T> error, Run run) {
  for (T& value : error) {
    if (random.Below(4) == 0) value = T(0);
  }
  const std::vector<T> dense = run(All(), error);
  CHECK(SameBits(run(NonZero(), error), dense));
  CHECK(SameBits(run(List(Iota(error.size())), error), dense));
  CHECK(SameBits(run(List(Iota(error.size()), true), error), dense));
  const std::vector<uint32_t> some = RandomSubset(random, error.size());
  const std::vector<T> sparse = run(List(some), error);
  CHECK(SameBits(sparse, run(All(), Masked(error, some))));
  CHECK(SameBits(sparse, run(List(some, true), error)));
}

}  // namespace testing
}  // namespace tflm_train
