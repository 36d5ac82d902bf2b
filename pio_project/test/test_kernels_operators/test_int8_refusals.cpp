// Steps of a hostile plan in int8: types, shapes and constants of quantisation.
#include <functional>

#include "step_fixture.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

constexpr Phase kF = Phase::kForward, kB = Phase::kBackward;
constexpr int32_t kHalf = int32_t{1} << 30;  // a multiplier
constexpr int32_t kOne = 0x3F800000;         // 1.0f

struct Good {
  KernelId kernel;
  Phase phase;
  std::function<void(Step&)> build;
  std::vector<uint32_t> free_words = {};  // any number will do
};

std::vector<Good> GoodSteps() {
  std::vector<int32_t> slopes(256, kOne);
  std::vector<uint32_t> entries(64);
  for (uint32_t i = 0; i < 64; ++i) entries[i] = i;
  return {
      {KernelId::kConv2dInt8, kF,
       [](Step& s) {
         s.Int8({1, 5, 4, 2}).Int8({3, 3, 3, 2}).Integers({3}).Int8({1, 5, 4, 3}).Shorts({2000});
         s.Words({1, 1, 1, 1, 1, 1, -128, 127, 3, -4, kOne, kHalf, 0, kHalf, -1, kHalf, -2});
       }},
      {KernelId::kConv2dInt8, kB,
       [](Step& s) {
         s.Absent().Int8({3, 3, 3, 2}).Int8({1, 5, 4, 3}).Float({1, 5, 4, 3}).Float({1, 5, 4, 2}).Absent().Absent();
         s.Words({1, 1, 1, 1, 1, 1, -128, 127, 3, -4, kOne, kOne});
       }},
      {KernelId::kDepthwiseConv2dInt8, kF,
       [](Step& s) {
         s.Int8({1, 5, 4, 2}).Int8({1, 3, 3, 4}).Integers({4}).Int8({1, 5, 4, 4}).Shorts({2000});
         s.Words({1, 1, 1, 1, 1, 1, 2, -128, 127, 3, -4, kOne, kHalf, 0});
       }},
      {KernelId::kMaxPool2dInt8, kF,
       [](Step& s) {
         s.Int8({1, 5, 4, 2}).Int8({1, 3, 2, 2}).Bytes({1, 3, 2, 2}).Words({2, 2, 2, 2, 0, 0, -128, 127});
       }},
      {KernelId::kMaxPool2dInt8, kB,
       [](Step& s) {
         s.Int8({1, 3, 2, 2}).Bytes({1, 3, 2, 2}).Float({1, 3, 2, 2}).Float({1, 5, 4, 2});
         s.Words({2, 2, 2, 2, 0, 0, -128, 127});
       }},
      {KernelId::kAveragePool2dInt8, kF,
       [](Step& s) { s.Int8({1, 5, 4, 2}).Int8({1, 3, 2, 2}).Words({2, 2, 2, 2, 0, 0, -128, 127}); }},
      {KernelId::kAveragePool2dInt8, kB,
       [](Step& s) {
         s.Int8({1, 3, 2, 2}).Float({1, 3, 2, 2}).Float({1, 5, 4, 2}).Words({2, 2, 2, 2, 0, 0, -128, 127});
       }},
      {KernelId::kSumInt8, kF,
       [](Step& s) { s.Int8({1, 4, 3}).Int8({1, 3}).Words({1, 4, 3, 5, -6, kOne, kHalf, -1}); }},
      {KernelId::kSumInt8, kB,
       [](Step& s) { s.Int8({1, 3}).Float({1, 3}).Float({1, 4, 3}).Words({1, 4, 3, 5, -6, kOne, kHalf, -1}); }},
      {KernelId::kReduceMaxInt8, kF, [](Step& s) { s.Int8({1, 4, 3}).Int8({1, 3}).Words({1, 4, 3}); }},
      {KernelId::kAddInt8, kF,
       [](Step& s) {
         s.Int8({2, 3}).Int8({3}).Int8({2, 3});
         s.Words({1, -2, 3, -128, 127, -1, kHalf, 0, kHalf, 0, kHalf, -19});
       }},
      {KernelId::kAddInt8, kB,
       [](Step& s) {
         s.Int8({2, 3}).Float({2, 3}).Float({2, 3}).Float({3});
         s.Words({1, -2, 3, -128, 127, -1, kHalf, 0, kHalf, 0, kHalf, -19});
       }},
      {KernelId::kMulInt8, kF,
       [](Step& s) { s.Int8({2, 3}).Int8({3}).Int8({2, 3}).Words({1, -2, 3, -128, 127, kOne, kOne, kHalf, -7}); }},
      {KernelId::kMulInt8, kB,
       [](Step& s) {
         s.Int8({2, 3}).Int8({3}).Int8({2, 3}).Float({2, 3}).Float({2, 3}).Float({3});
         s.Words({1, -2, 3, -128, 127, kOne, kOne, kHalf, -7});
       }},
      {KernelId::kMaximumInt8, kF, [](Step& s) { s.Int8({2, 3}).Int8({3}).Int8({2, 3}); }},
      {KernelId::kSoftmaxInt8,
       kF,
       [](Step& s) { s.Int8({2, 3}).Int8({2, 3}).Words({2, 3, kOne, 0x7FFFFFFF, kHalf}); },
       {2, 3, 4}},
      {KernelId::kSoftmaxInt8, kB, [](Step& s) { s.Int8({2, 3}).Float({2, 3}).Float({2, 3}).Words({2, 3, kOne}); }},
      {KernelId::kLookupInt8, kF, [](Step& s) { s.Int8({4}).Int8({4}).Words(std::vector<int32_t>(64, 0x01020304)); },
       entries},
      {KernelId::kLookupInt8, kB, [slopes](Step& s) { s.Int8({4}).Float({4}).Float({4}).Words(slopes); }},
      {KernelId::kPadInt8, kF, [](Step& s) { s.Int8({2, 3}).Int8({4, 5}).Words({-128, 1, 2}); }},
      {KernelId::kTransposeInt8, kF, [](Step& s) { s.Int8({2, 3}).Int8({3, 2}).Words({1, 0}); }},
      {KernelId::kConcatenationInt8, kF, [](Step& s) { s.Int8({2, 5}).Int8({2, 2}).Int8({2, 3}).Words({2, 2, 3}); }},
      {KernelId::kSplitInt8, kF, [](Step& s) { s.Int8({2, 5}).Int8({2, 2}).Int8({2, 3}).Words({2, 2, 3}); }},
      {KernelId::kConv2dInt16Errors, kB,
       [](Step& s) {
         s.Absent().Int8({3, 3, 3, 2}).Int8({1, 5, 4, 3}).Shorts({1, 5, 4, 3}).Shorts({1, 5, 4, 2}).Absent();
         s.Integers({500}).Integers({1}).Integers({1});
         s.Words({1, 1, 1, 1, 1, 1, -128, 127, 3, kOne, 0, 0, 32767, kOne});
       }},
      {KernelId::kDepthwiseConv2dInt16Errors, kB,
       [](Step& s) {
         s.Absent().Int8({1, 3, 3, 4}).Int8({1, 5, 4, 4}).Shorts({1, 5, 4, 4}).Shorts({1, 5, 4, 2}).Absent();
         s.Integers({500}).Integers({1}).Integers({1});
         s.Words({1, 1, 1, 1, 1, 1, 2, -128, 127, 3, kOne, 0, 0, 32767, kOne, 9, kOne, 9, kOne, 1, kOne});
       }},
      {KernelId::kFullyConnectedInt16Errors, kB,
       [](Step& s) {
         s.Absent().Int8({3, 5}).Int8({2, 3}).Shorts({2, 3}).Shorts({2, 5}).Absent();
         s.Integers({500}).Integers({1}).Integers({1});
         s.Words({2, 5, 3, -128, 127, 3, kOne, 0, -7, 32767, kOne});
       }},
      {KernelId::kMaxPool2dInt16Errors, kB,
       [](Step& s) {
         s.Int8({1, 3, 2, 2}).Bytes({1, 3, 2, 2}).Shorts({1, 3, 2, 2}).Shorts({1, 5, 4, 2}).Integers({1}).Integers({1});
         s.Words({2, 2, 2, 2, 0, 0, -128, 127});
       }},
      {KernelId::kAveragePool2dInt16Errors, kB,
       [](Step& s) {
         s.Int8({1, 3, 2, 2}).Shorts({1, 3, 2, 2}).Shorts({1, 5, 4, 2}).Integers({1}).Integers({1});
         s.Words({2, 2, 2, 2, 0, 0, -128, 127});
       }},
      {KernelId::kAddInt16Errors, kB,
       [](Step& s) {
         s.Int8({2, 3}).Shorts({2, 3}).Shorts({2, 3}).Shorts({2, 3}).Integers({1}).Integers({1}).Integers({1});
         s.Words({-128, 127, -1});
       }},
      {KernelId::kErrorsToInt16, kB, [](Step& s) { s.Float({2, 3}).Shorts({6}).Integers({1}); }},
      {KernelId::kErrorsToFloat32, kB, [](Step& s) { s.Shorts({6}).Float({2, 3}).Integers({1}); }},
      {KernelId::kCopyInt16Errors, kB, [](Step& s) { s.Shorts({6}).Shorts({2, 3}).Integers({1}).Integers({1}); }},
  };
}

const Operator& Find(KernelId kernel) {
  for (const Operator* op : kAllOperators) {
    if (op->kernel == kernel) return *op;
  }
  FAIL("no such operator");
  return *kAllOperators[0];
}

template <class Change>
Status CheckChanged(const Good& good, Change change) {
  Step step(good.kernel, good.phase);
  good.build(step);
  change(step);
  return step.Check(Find(good.kernel));
}

}  // namespace

TEST_CASE("int8 steps: typical ones pass, and run") {
  for (const Good& good : GoodSteps()) {
    CAPTURE(static_cast<int>(good.kernel));
    Step step(good.kernel, good.phase);
    good.build(step);
    if (good.phase == kB) {
      step.Backward(Find(good.kernel));
    } else {
      step.Forward(Find(good.kernel));
    }
  }
}

TEST_CASE("int8 steps: arguments too many, of another type, without elements") {
  for (const Good& good : GoodSteps()) {
    CAPTURE(static_cast<int>(good.kernel));
    Step probe(good.kernel, good.phase);
    good.build(probe);
    CHECK(CheckChanged(good, [](Step& s) { s.Float({1}); }) == Status::kPlanInvalid);
    CHECK(CheckChanged(good, [](Step& s) { s.Words({-1}); }) == Status::kPlanInvalid);
    for (uint32_t i = 0; i < probe.size(); ++i) {
      if (!probe.View().Has(i)) continue;
      CAPTURE(i);
      CHECK(CheckChanged(good, [i](Step& s) { s.value(i).type = static_cast<uint8_t>(ScalarType::kUint32); }) ==
            Status::kPlanInvalid);
      CHECK(CheckChanged(good, [i](Step& s) { s.value(i).dims[0] = 0; }) == Status::kPlanInvalid);
    }
  }
}

TEST_CASE("int8 steps: constants out of range") {
  for (const Good& good : GoodSteps()) {
    CAPTURE(static_cast<int>(good.kernel));
    Step probe(good.kernel, good.phase);
    good.build(probe);
    for (uint32_t i = 0; i < probe.record().word_count; ++i) {
      bool is_free = false;
      for (uint32_t word : good.free_words) is_free = is_free || word == i;
      if (is_free) continue;
      CAPTURE(i);
      // negative, and NaN
      CHECK(CheckChanged(good, [i](Step& s) { s.word(i) = 0xFFFFFFFFu - 1000; }) == Status::kPlanInvalid);
    }
  }
}

TEST_CASE("errors of integers: sums that could overflow") {
  const auto changed = [](KernelId kernel, uint32_t word, int32_t value) {
    for (const Good& good : GoodSteps()) {
      if (good.kernel == kernel)
        return CheckChanged(good, [=](Step& s) { s.word(word) = static_cast<uint32_t>(value); });
    }
    FAIL("no such step");
    return Status::kOk;
  };
  // 23 x 23 taps of one filter meet in an element of the input's error, 529 products of 7 and 15 bits
  const auto conv = [](int32_t shift) {
    Step step(KernelId::kConv2dInt16Errors, kB);
    step.Absent().Int8({1, 23, 23, 1}).Int8({1, 30, 30, 1}).Shorts({1, 30, 30, 1}).Shorts({1, 30, 30, 1}).Absent();
    step.Integers({6000}).Integers({1}).Integers({1});
    step.Words({1, 1, 1, 1, 11, 11, -128, 127, 3, kOne, shift, 0, 32767, kOne});
    return step.Check(Find(KernelId::kConv2dInt16Errors));
  };
  CHECK(conv(1) == Status::kPlanInvalid);  // 900 positions, 8 bits of inputs and 14 of errors
  CHECK(conv(2) == Status::kOk);
  // 400 products, and four windows of a max-pool that may choose the same element of the map
  const auto pooled = [](int32_t stride, int32_t shift) {
    const int32_t out = (20 - 2) / stride + 1;
    Step step(KernelId::kConv2dMaxPoolInt16Errors, kB);
    step.Absent().Int8({4, 10, 10, 1}).Int8({1, out, out, 4}).Shorts({1, out, out, 4}).Shorts({1, 20, 20, 1}).Absent();
    step.Bytes({1, out, out, 4}).Integers({600}).Integers({1}).Integers({1});
    step.Words({1, 1, 1, 1, 4, 4, 20, 20, 2, 2, stride, stride, 0, 0, -128, 127, 3, kOne, shift, 0, 32767, kOne});
    return step.Check(Find(KernelId::kConv2dMaxPoolInt16Errors));
  };
  CHECK(pooled(2, 0) == Status::kOk);
  CHECK(pooled(1, 1) == Status::kPlanInvalid);
  CHECK(pooled(1, 2) == Status::kOk);
  CHECK(changed(KernelId::kFullyConnectedInt16Errors, 7, 16) == Status::kPlanInvalid);
  CHECK(changed(KernelId::kFullyConnectedInt16Errors, 9, 32768) == Status::kPlanInvalid);
}

TEST_CASE("errors of integers: no other memory of the step is an exponent's, forward steps there are none") {
  for (const Good& good : GoodSteps()) {
    if (good.phase != kB || good.kernel < KernelId::kErrorsToInt16) continue;
    CAPTURE(static_cast<int>(good.kernel));
    Step forward(good.kernel, kF);
    good.build(forward);
    CHECK(forward.Check(Find(good.kernel)) == Status::kPlanInvalid);
  }
}
