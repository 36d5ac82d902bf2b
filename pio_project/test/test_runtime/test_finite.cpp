#include <doctest.h>

#include <initializer_list>
#include <limits>

#include "tflm_train/policies/finite.h"

using namespace tflm_train;

TEST_CASE("one number that is not finite is found among others") {
  const float largest = std::numeric_limits<float>::max(), smallest = std::numeric_limits<float>::denorm_min();
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  FiniteCheck good;
  CHECK(good.Passed());
  for (float value : {largest, -largest, 0.0f, -0.0f, smallest, 1.0f, largest}) good.Add(value);
  CHECK(good.Passed());
  for (float bad : {infinity, -infinity, nan, -nan}) {
    FiniteCheck check;
    for (float value : {-largest, bad, -bad, 0.0f, largest}) check.Add(value);
    CHECK_FALSE(check.Passed());
    CHECK_FALSE(AllFinite(&bad, 1));
  }
}
