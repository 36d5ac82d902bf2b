#include "kernel_testing.h"
#include "tflm_train/kernels/locator.h"
#include "tflm_train/kernels/selected_elements.h"
#include "tflm_train/kernels/work.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

std::vector<uint32_t> Visited(const Selection& selection, const std::vector<float>& error) {
  std::vector<uint32_t> visited;
  SelectedElements<float> selected(selection, error.data(), static_cast<uint32_t>(error.size()));
  uint32_t element;
  while (selected.Next(&element)) visited.push_back(element);
  return visited;
}

}  // namespace

TEST_CASE("selection: what each mode visits") {
  const std::vector<float> error = {0, 1, 0, -2, -0.0f};
  CHECK(Visited(All(), error) == Iota(5));
  CHECK(Visited(NonZero(), error) == std::vector<uint32_t>{1, 3});
  CHECK(Visited(NonZero(), {0, 0}).empty());
  CHECK(Visited(All(), {}).empty());
}

TEST_CASE("locator: positions of a map, in any ascending steps") {
  Random random(91);
  DirectLocator every(3, 4), some(3, 4);
  for (uint32_t e = 0; e < 24; ++e) {
    const auto at = [e](const DirectLocator& l) {
      return l.row() == int32_t(e / 12) && l.column() == int32_t(e / 4 % 3) && l.channel() == int32_t(e % 4);
    };
    CHECK(every.MoveTo(e));
    CHECK(at(every));
    if (random.Below(3) != 0) continue;
    some.MoveTo(e);
    CHECK(at(some));
  }
}

TEST_CASE("locator: winners of a padded, overlapping pool") {
  // 3x3 map, windows 2x2 at stride 1 with one row and column of padding in front
  const PoolShape pool = {3, 3, 1, 3, 3, 2, 2, 1, 1, 1, 1};
  const std::vector<uint8_t> argmax = {3, 2, 3, 1, 0, 3, 1, 2, 0};
  const int32_t expected[9][2] = {{0, 0}, {0, 0}, {0, 2}, {0, 0}, {0, 0}, {1, 2}, {1, 0}, {2, 0}, {1, 1}};
  PooledLocator locator(pool, argmax.data());
  for (uint32_t e = 0; e < 9; ++e) {
    CHECK(locator.MoveTo(e));
    CHECK(locator.row() == expected[e][0]);
    CHECK(locator.column() == expected[e][1]);
  }
  const std::vector<uint8_t> outside(9, 0);  // the first window's first tap is padding
  PooledLocator damaged(pool, outside.data());
  CHECK_FALSE(damaged.MoveTo(0));
  CHECK(damaged.MoveTo(8));

  // the last window of a 3x3 map under 2x2 windows at stride 2 has one tap inside
  const PoolShape behind = {3, 3, 1, 2, 2, 2, 2, 2, 2, 0, 0};
  for (uint8_t winner = 0; winner < 6; ++winner) {
    const std::vector<uint8_t> winners = {0, 0, 0, winner};
    CHECK(PooledLocator(behind, winners.data()).MoveTo(3) == (winner == 0));
  }
}

TEST_CASE("work: channels with a selected element, more of them than one block") {
  const uint32_t channels = 1100;
  std::vector<float> error(2 * channels);
  error[3] = error[600] = error[channels + 3] = error[channels + 1099] = 1;
  const DirectLocator locator(2, static_cast<int32_t>(channels));
  const uint32_t n = 2 * channels;
  CHECK(SelectedChannels(All(), error.data(), n, locator) == channels);
  CHECK(SelectedChannels(NonZero(), error.data(), n, locator) == 3);
}
