#include <doctest.h>

#include <string>

#include "tflm_train/operators/all_operators.h"
#include "tflm_train/operators/conv_2d.h"
#include "tflm_train/operators/relu.h"
#include "tflm_train/operators/softmax.h"
#include "tflm_train/runtime/kernel_arguments.h"
#include "tflm_train/runtime/operator_set.h"

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

TEST_CASE("every operator of the library is found, and the runtime knows its arguments") {
  const AllOperators all;
  CHECK(all.size() == kOperatorCount);
  for (const Operator* op : kAllOperators) {
    CAPTURE(op->name);
    CHECK(all.Find(op->kernel) == op);
    const KernelArguments* arguments = FindKernelArguments(op->kernel);
    REQUIRE(arguments != nullptr);
    CHECK(std::string(arguments->name) == op->name);
    CHECK(arguments->forward_written != 0);
    CHECK((arguments->backward_written != 0) == (op->backward != nullptr));
  }
  CHECK(FindKernelArguments(KernelId::kExternal) == nullptr);
}
