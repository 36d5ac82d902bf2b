#include <doctest.h>

#include <string>

#include "tflm_train/operators/all_operators.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/plan/subject.h"
#include "tflm_train/train/operator_set.h"

using namespace tflm_train;

TEST_CASE("an operator set finds what was added, whatever the order") {
  StaticOperatorSet<3> set;
  CHECK(set.Find(KernelId::kConv2d) == nullptr);
  CHECK(set.Add(kSoftmax) == Status::kOk);
  CHECK(set.Add(kConv2d) == Status::kOk);
  CHECK(set.Add(kRelu) == Status::kOk);
  CHECK(set.size() == 3);
  CHECK(set.Find(KernelId::kConv2d) == &kConv2d);
  CHECK(set.Find(KernelId::kRelu) == &kRelu);
  CHECK(set.Find(KernelId::kSoftmax) == &kSoftmax);
  CHECK(set.Find(KernelId::kAdd) == nullptr);
  CHECK(set.Find(KernelId::kExternal) == nullptr);
}

TEST_CASE("an operator set replaces and refuses") {
  StaticOperatorSet<1> set;
  CHECK(set.Add(kConv2dForward) == Status::kOk);
  CHECK(set.Add(kRelu) == Status::kInvalidArgument);
  CHECK(set.Add(kConv2d) == Status::kOk);
  CHECK(set.size() == 1);
  CHECK(set.Find(KernelId::kConv2d) == &kConv2d);
}

TEST_CASE("an operator set computes every loss unless it is given one") {
  const StaticOperatorSet<1> any;
  const StaticOperatorSet<1> one(kMeanSquaredErrorLoss);
  CHECK(&any.loss() == &kAnyLoss);
  CHECK(&one.loss() == &kMeanSquaredErrorLoss);
  CHECK(&AllOperators().loss() == &kAnyLoss);
}

TEST_CASE("an operator set has the selectors that it was given") {
  StaticOperatorSet<1> set;
  CHECK(set.Selects(SelectorId::kDense));
  CHECK_FALSE(set.Selects(SelectorId::kTinyprop));
  set.Add(kTinypropSelector);
  CHECK(set.Find(SelectorId::kTinyprop) == &kTinypropSelector);
  CHECK_FALSE(set.Selects(SelectorId::kStaticTopk));
  const AllOperators all;
  for (uint32_t i = 0; i < kSelectorCount; ++i) {
    const auto id = static_cast<SelectorId>(i);
    CHECK(all.Selects(id));
    if (id != SelectorId::kDense) CHECK(all.Find(id)->id == id);
  }
}

TEST_CASE("every operator of the library is found and has a name and arguments") {
  const AllOperators all;
  CHECK(all.size() == kOperatorCount);
  for (const Operator* op : kAllOperators) {
    const Subject subject = SubjectOf(static_cast<uint16_t>(op->kernel));
    const std::string name = SubjectText(subject);
    CAPTURE(name);
    CHECK(all.Find(op->kernel) == op);
    CHECK(name != SubjectText(Subject::kUnknownKernel));
    for (const Operator* other : kAllOperators) {
      if (other != op) CHECK(name != SubjectText(SubjectOf(static_cast<uint16_t>(other->kernel))));
    }
    CHECK(op->arguments.forward_written != 0);
    CHECK((op->arguments.backward_written != 0) == (op->backward != nullptr));
  }
}
