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

TEST_CASE("an operator set has the policies that it was given") {
  StaticOperatorSet<1, 2> set;
  CHECK(set.Find<Loss>(LossId::kMeanSquaredError) == nullptr);
  CHECK(set.Add(kTinypropSelector) == Status::kOk);
  CHECK(set.Add(kMeanSquaredErrorLoss) == Status::kOk);
  CHECK(set.Find<Selector>(SelectorId::kTinyprop) == &kTinypropSelector);
  CHECK(set.Find<Loss>(LossId::kMeanSquaredError) == &kMeanSquaredErrorLoss);
  CHECK(set.Find<Selector>(SelectorId::kStaticTopk) == nullptr);
  // The same number in another kind.
  CHECK(set.Find<Loss>(static_cast<LossId>(SelectorId::kTinyprop)) == nullptr);
  CHECK(set.Add(kStaticTopkSelector) == Status::kInvalidArgument);
  CHECK(set.Find<Selector>(SelectorId::kStaticTopk) == nullptr);
}

TEST_CASE("all policies of the library are found") {
  const AllOperators all;
  uint32_t found = 0;
  for (uint32_t i = 0; i < kSelectorCount; ++i) found += all.Find<Selector>(static_cast<SelectorId>(i)) != nullptr;
  for (uint32_t i = 0; i < kLossCount; ++i) {
    CAPTURE(i);
    CHECK(all.Find<Loss>(static_cast<LossId>(i)) != nullptr);
    ++found;
  }
  for (uint32_t i = 0; i < kGateCount; ++i) found += all.Find<Gate>(static_cast<GateId>(i)) != nullptr;
  for (uint32_t i = 0; i < kOptimizerCount; ++i) found += all.Find<Optimizer>(static_cast<OptimizerId>(i)) != nullptr;
  for (uint32_t i = 0; i < kUpdateCount; ++i) found += all.Find<Update>(static_cast<UpdateId>(i)) != nullptr;
  found += all.Find<Accumulation>(AccumulationId::kMean) != nullptr;
  found += all.Find<Storage>(StorageId::kQuantized) != nullptr;
  found += all.Find<Clipping>(ClippingId::kNorm) != nullptr;
  CHECK(found == kPolicyCount);
  CHECK(all.Find<Accumulation>(AccumulationId::kNone) == nullptr);
  CHECK(all.Find<Storage>(StorageId::kPlain) == nullptr);
  CHECK(all.Find<Selector>(SelectorId::kDense) == nullptr);
  CHECK(all.Find<Gate>(GateId::kAlways) == nullptr);
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
