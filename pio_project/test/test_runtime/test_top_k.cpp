#include <doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "tflm_train/policies/selector/top_k.h"

using namespace tflm_train;

namespace {

/// Sorting says it plainly: larger magnitude first, then lower index; zeros are out.
std::vector<uint32_t> Reference(const std::vector<float>& delta, uint32_t k) {
  std::vector<uint32_t> order;
  for (uint32_t i = 0; i < delta.size(); ++i) {
    if (delta[i] != 0.0f) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return std::fabs(delta[a]) > std::fabs(delta[b]); });
  if (order.size() > k) order.resize(k);
  std::sort(order.begin(), order.end());
  return order;
}

/// The elements that are left, unchanged.
std::vector<uint32_t> Select(std::vector<float> delta, uint32_t k) {
  const auto n = static_cast<uint32_t>(delta.size());
  std::vector<uint16_t> keys(n);  // exactly the planned scratch, so that a sanitizer sees a write behind it
  const std::vector<float> before = delta;
  const Candidates candidates = GatherKeys(delta.data(), delta.data(), n, keys.data());
  if (k < candidates.count) KeepLargest(delta.data(), n, keys.data(), candidates.count, k);
  std::vector<uint32_t> indices;
  for (uint32_t i = 0; i < n; ++i) {
    if (delta[i] == 0.0f) continue;
    CHECK(std::memcmp(&delta[i], &before[i], sizeof(float)) == 0);
    indices.push_back(i);
  }
  return indices;
}

}  // namespace

TEST_CASE("top-k equals sorting on random arrays with ties and zeros") {
  std::mt19937 random(1);
  for (int trial = 0; trial < 3000; ++trial) {
    std::vector<float> delta(1 + random() % 200);
    const int levels = 1 + static_cast<int>(random() % 30);  // few levels make ties
    for (float& value : delta) {
      value = static_cast<float>(static_cast<int>(random() % (2 * static_cast<uint32_t>(levels) + 1)) - levels);
      if (trial % 2 == 0) value *= static_cast<float>(random() % 1000);
      if (random() % 4 == 0) value = random() % 2 == 0 ? 0.0f : -0.0f;
    }
    const uint32_t k = 1 + static_cast<uint32_t>(random() % delta.size());
    REQUIRE(Select(delta, k) == Reference(delta, k));
  }
}

TEST_CASE("top-k of magnitudes that differ in their lowest bits") {
  std::mt19937 random(3);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<float> delta(65 + random() % 200);
    for (float& value : delta) {
      value = 1.0f + static_cast<float>(random() % 64) * std::numeric_limits<float>::epsilon();
      if (random() % 2 == 0) value = -value;
      if (random() % 8 == 0) value *= 2.0f;
    }
    const uint32_t k = 1 + static_cast<uint32_t>(random() % delta.size());
    REQUIRE(Select(delta, k) == Reference(delta, k));
  }
}

TEST_CASE("top-k on ordered and constant arrays, for every k") {
  for (size_t size : {61u, 97u}) {
    for (int shape = 0; shape < 5; ++shape) {
      std::vector<float> delta(size);
      for (size_t i = 0; i < delta.size(); ++i) {
        const float x = static_cast<float>(i) - 30.0f;
        const float values[] = {x, -x, 1.0f, i % 2 == 0 ? x : 2.0f, x * x - 100.0f};
        delta[i] = values[shape];
      }
      for (uint32_t k = 1; k <= delta.size(); ++k) REQUIRE(Select(delta, k) == Reference(delta, k));
    }
  }
}

TEST_CASE("top-k of more elements than 16 bits count") {
  // On small boards this needs more memory than there is.
  if (sizeof(void*) < 8) return;
  std::mt19937 random(2);
  for (uint32_t n : {65536u, 65537u}) {
    std::vector<float> delta(n);
    for (float& value : delta) value = static_cast<float>(random() % 5000) - 2500.0f;
    for (uint32_t k : std::initializer_list<uint32_t>{1, 6553, n / 2, n}) {
      REQUIRE(Select(delta, k) == Reference(delta, k));
    }
  }
}

TEST_CASE("an array of zeros selects nothing, and a sum is ascending with one accumulator") {
  for (size_t n : {3u, 90u}) CHECK(Select(std::vector<float>(n, 0.0f), 2).empty());
  float delta[] = {1e8f, -1.0f, 0.0f, -1e8f, 3.0f};
  uint16_t keys[5];
  const Candidates candidates = GatherKeys(delta, delta, 5, keys);
  CHECK(candidates.count == 4);
  CHECK(candidates.sum == ((1e8f + 1.0f) + 1e8f) + 3.0f);
}

TEST_CASE("where the gate is shut an error is cleared and no candidate") {
  std::mt19937 random(4);
  for (uint32_t n = 1; n < 40; ++n) {
    std::vector<float> gate(n), delta(n), masked(n);
    for (uint32_t i = 0; i < n; ++i) {
      const float gates[] = {0.0f, -0.0f, 1.0f, std::numeric_limits<float>::denorm_min()};
      gate[i] = gates[random() % 4];
      delta[i] = static_cast<float>(static_cast<int>(random() % 9) - 4);  // zeros behind open gates too
      masked[i] = gate[i] == 0.0f ? 0.0f : delta[i];
    }
    for (uint32_t k = 1; k <= n; ++k) {
      std::vector<float> error = delta;
      std::vector<uint16_t> keys(n);
      const Candidates candidates = GatherKeys(gate.data(), error.data(), n, keys.data());
      REQUIRE(error == masked);
      float sum = 0.0f;
      for (float value : masked) sum += std::fabs(value);
      REQUIRE(candidates.sum == sum);
      if (k < candidates.count) KeepLargest(error.data(), n, keys.data(), candidates.count, k);
      std::vector<float> expected(n);
      for (uint32_t i : Reference(masked, k)) expected[i] = masked[i];
      REQUIRE(error == expected);
    }
  }
}

TEST_CASE("denormal numbers are no zeros") {
  std::vector<float> delta(70, 0.0f);
  for (size_t i = 0; i < 20; ++i) delta[3 * i] = static_cast<float>(i % 7) * std::numeric_limits<float>::denorm_min();
  for (uint32_t k = 1; k <= 20; ++k) REQUIRE(Select(delta, k) == Reference(delta, k));
}

TEST_CASE("selection sizes") {
  CHECK(SelectionSize(0.1f, 10) == 1);
  CHECK(SelectionSize(0.05f, 10) == 1);  // at least one
  CHECK(SelectionSize(0.7f, 10) == 7);
  CHECK(SelectionSize(0.55f, 10) == 5);
  CHECK(SelectionSize(1.0f, 10) == 10);
  CHECK(SelectionSize(3.0f, 10) == 10);
  CHECK(SelectionSize(0.0f, 1) == 1);
  CHECK(SelectionSize(std::numeric_limits<float>::quiet_NaN(), 10) == 10);
  CHECK(SelectionSize(std::numeric_limits<float>::infinity(), 10) == 10);
}

TEST_CASE("NaN and infinity do not lead the selection astray") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  std::vector<float> delta(40, 1.0f);
  delta[3] = nan;
  delta[17] = -inf;
  delta[30] = nan;
  for (uint32_t k = 3; k <= 40; ++k) {
    const std::vector<uint32_t> chosen = Select(delta, k);
    REQUIRE(chosen.size() == k);
    for (uint32_t index : {3u, 17u, 30u}) CHECK(std::find(chosen.begin(), chosen.end(), index) != chosen.end());
  }
}
