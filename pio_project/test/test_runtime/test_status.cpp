#include <doctest.h>

#include <cstring>
#include <string>

#include "tflm_train/status.h"

using namespace tflm_train;

TEST_CASE("every status has a sentence of its own") {
  constexpr int kLast = static_cast<int>(Status::kForwardFailed);
  for (int i = 0; i <= kLast; ++i) {
    const std::string text = StatusText(static_cast<Status>(i));
    CAPTURE(i);
    CHECK(text.size() > 5);
    CHECK(text.back() == '.');
    for (int j = 0; j < i; ++j) CHECK(text != StatusText(static_cast<Status>(j)));
  }
  CHECK(std::strlen(StatusText(static_cast<Status>(200))) > 5);
}
