#include <doctest.h>

#include <cstring>
#include <string>

#include "tflm_train/plan/subject.h"
#include "tflm_train/status.h"

using namespace tflm_train;

TEST_CASE("every status has a sentence of its own") {
  constexpr int kLast = static_cast<int>(Status::kInvalidIndex);
  for (int i = 0; i <= kLast; ++i) {
    const std::string text = StatusText(static_cast<Status>(i));
    CAPTURE(i);
    CHECK(text.size() > 5);
    CHECK(text.back() == '.');
    for (int j = 0; j < i; ++j) CHECK(text != StatusText(static_cast<Status>(j)));
  }
  CHECK(std::strlen(StatusText(static_cast<Status>(200))) > 5);
}

TEST_CASE("every subject has a text of its own, kernels their names") {
  constexpr int kCount = static_cast<int>(Subject::kCount);
  CHECK(std::strlen(SubjectText(Subject::kNone)) == 0);
  for (int i = 1; i < kCount; ++i) {
    const std::string text = SubjectText(static_cast<Subject>(i));
    CAPTURE(i);
    CHECK(!text.empty());
    for (int j = 1; j < i; ++j) CHECK(text != SubjectText(static_cast<Subject>(j)));
  }
  CHECK(std::string(SubjectText(SubjectOf(static_cast<uint16_t>(KernelId::kAdd)))) == "ADD");
  CHECK(std::string(SubjectText(SubjectOf(static_cast<uint16_t>(KernelId::kExternal)))) == "EXTERNAL");
  constexpr uint16_t kUnknown[] = {kKernelCount, kKernelCount + 1, 191, 192, 255, 256, 65535};
  for (const uint16_t kernel : kUnknown) {
    CAPTURE(kernel);
    CHECK(SubjectText(SubjectOf(kernel)) == SubjectText(Subject::kUnknownKernel));
  }
  const Finding finding = Found(Status::kModelMismatch, Subject::kWeights);
  CHECK(StatusOf(finding) == Status::kModelMismatch);
  CHECK(SubjectOf(finding) == Subject::kWeights);
  CHECK(StatusOf(Finding::kNothing) == Status::kOk);
}
