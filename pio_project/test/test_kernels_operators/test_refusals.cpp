// Steps of a hostile plan: every operator refuses what could lead a kernel outside its buffers.
#include <cstring>
#include <functional>
#include <string>

#include "step_fixture.h"
#include "tflm_train/operators/all_operators.h"
#include "tflm_train/operators/check.h"
#include "tflm_train/plan/kernel_names.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

const Operator& Find(KernelId kernel) {
  for (const Operator* op : kAllOperators) {
    if (op->kernel == kernel) return *op;
  }
  FAIL("no such operator");
  return *kAllOperators[0];
}

using Build = std::function<void(Step&)>;

struct Good {
  std::string name;
  KernelId kernel;
  Phase phase;
  Build build;
};

constexpr KernelId kBinary[] = {KernelId::kDiv, KernelId::kSquaredDifference, KernelId::kMaximum, KernelId::kMinimum};

constexpr Phase kF = Phase::kForward, kB = Phase::kBackward;

void AddTypicalSteps(std::vector<Good>& good);

std::vector<Good> GoodSteps() {
  std::vector<Good> good = {
      {"fully connected", KernelId::kFullyConnected, kF,
       [](Step& s) { s.Float({1, 2, 3}).Float({4, 6}).Float({4}).Float({1, 4}).Words({1, 6, 4, 1}); }},
      {"fully connected", KernelId::kFullyConnected, kB,
       [](Step& s) {
         s.Float({1, 6}).Float({4, 6}).Float({1, 4}).Float({1, 4}).Float({1, 6}).Keys(4).Words({1, 6, 4, 1}).Trains();
       }},
      {"conv", KernelId::kConv2d, kF,
       [](Step& s) {
         s.Float({1, 5, 4, 2}).Float({3, 3, 3, 2}).Float({3}).Float({1, 5, 4, 3}).Float({1});
         s.Words({1, 1, 1, 1, 1, 1, 1});
       }},
      {"conv", KernelId::kConv2d, kB,
       [](Step& s) {
         s.Float({1, 5, 4, 2}).Float({3, 3, 3, 2}).Float({1, 5, 4, 3}).Float({1, 5, 4, 3}).Float({1, 5, 4, 2});
         s.Keys(60).Float({18}).Words({1, 1, 1, 1, 1, 1, 1}).Trains();
       }},
      {"depthwise", KernelId::kDepthwiseConv2d, kF,
       [](Step& s) {
         s.Float({1, 5, 4, 2}).Float({1, 3, 3, 4}).Float({4}).Float({1, 5, 4, 4}).Float({1});
         s.Words({1, 1, 1, 1, 1, 1, 1, 2});
       }},
      {"depthwise", KernelId::kDepthwiseConv2d, kB,
       [](Step& s) {
         s.Float({1, 5, 4, 2}).Float({1, 3, 3, 4}).Float({1, 5, 4, 4}).Float({1, 5, 4, 4}).Float({1, 5, 4, 2});
         s.Keys(80).Float({9}).Words({1, 1, 1, 1, 1, 1, 1, 2}).Trains();
       }},
      {"conv pool", KernelId::kConv2dMaxPool, kF,
       [](Step& s) {
         s.Float({1, 5, 4, 2}).Float({3, 3, 3, 2}).Float({3}).Float({1, 3, 2, 3}).Bytes({1, 3, 2, 3}).Float({1});
         s.Words({1, 1, 1, 1, 1, 1, 1, 5, 4, 2, 2, 2, 2, 0, 0});
       }},
      {"conv pool", KernelId::kConv2dMaxPool, kB,
       [](Step& s) {
         s.Float({1, 5, 4, 2}).Float({3, 3, 3, 2}).Float({1, 3, 2, 3}).Float({1, 3, 2, 3}).Float({1, 5, 4, 2});
         s.Keys(18).Float({18}).Bytes({1, 3, 2, 3}).Words({1, 1, 1, 1, 1, 1, 1, 5, 4, 2, 2, 2, 2, 0, 0}).Trains();
       }},
      {"depthwise pool", KernelId::kDepthwiseMaxPool, kF,
       [](Step& s) {
         s.Float({1, 5, 4, 2}).Float({1, 3, 3, 4}).Float({4}).Float({1, 3, 2, 4}).Bytes({1, 3, 2, 4}).Float({1});
         s.Words({1, 1, 1, 1, 1, 1, 1, 2, 5, 4, 2, 2, 2, 2, 0, 0});
       }},
      {"depthwise pool", KernelId::kDepthwiseMaxPool, kB,
       [](Step& s) {
         s.Float({1, 5, 4, 2}).Float({1, 3, 3, 4}).Float({1, 3, 2, 4}).Float({1, 3, 2, 4}).Float({1, 5, 4, 2});
         s.Keys(24).Float({9}).Bytes({1, 3, 2, 4}).Words({1, 1, 1, 1, 1, 1, 1, 2, 5, 4, 2, 2, 2, 2, 0, 0}).Trains();
       }},
      {"max pool", KernelId::kMaxPool2d, kF,
       [](Step& s) { s.Float({1, 5, 4, 2}).Float({1, 3, 2, 2}).Bytes({1, 3, 2, 2}).Words({2, 2, 2, 2, 0, 0, 1}); }},
      {"max pool", KernelId::kMaxPool2d, kB,
       [](Step& s) {
         s.Float({1, 3, 2, 2}).Bytes({1, 3, 2, 2}).Float({1, 3, 2, 2}).Float({1, 5, 4, 2}).Words({2, 2, 2, 2, 0, 0, 1});
       }},
      {"max pool argmax", KernelId::kMaxPoolArgmax, Phase::kHook,
       [](Step& s) { s.Float({1, 5, 4, 2}).Float({1, 3, 2, 2}).Bytes({1, 3, 2, 2}).Words({2, 2, 2, 2, 0, 0, 1}); }},
      {"average pool", KernelId::kAveragePool2d, kF,
       [](Step& s) { s.Float({1, 5, 4, 2}).Float({1, 3, 2, 2}).Words({2, 2, 2, 2, 0, 0, 1}); }},
      {"average pool", KernelId::kAveragePool2d, kB,
       [](Step& s) { s.Float({1, 3, 2, 2}).Float({1, 3, 2, 2}).Float({1, 5, 4, 2}).Words({2, 2, 2, 2, 0, 0, 1}); }},
  };
  AddTypicalSteps(good);
  return good;
}

void AddTypicalSteps(std::vector<Good>& good) {
  good.push_back({"mean", KernelId::kMean, kF, [](Step& s) { s.Float({1, 4, 3}).Float({1, 3}).Words({1, 4, 3}); }});
  good.push_back({"mean", KernelId::kMean, kB, [](Step& s) { s.Float({1, 3}).Float({1, 4, 3}).Words({1, 4, 3}); }});
  for (KernelId kernel : {KernelId::kAdd, KernelId::kSub, KernelId::kMul}) {
    good.push_back({"arithmetic", kernel, kF, [](Step& s) { s.Float({2, 3}).Float({3}).Float({2, 3}).Words({1}); }});
  }
  for (KernelId kernel : {KernelId::kAdd, KernelId::kSub}) {
    good.push_back(
        {"sum", kernel, kB, [](Step& s) { s.Float({2, 3}).Float({2, 3}).Float({2, 1}).Float({3}).Words({1}); }});
  }
  good.push_back({"mul", KernelId::kMul, kB, [](Step& s) {
                    s.Float({2, 1}).Float({3}).Float({2, 3}).Float({2, 3}).Float({2, 1}).Float({3}).Words({1});
                  }});
  good.push_back({"pad", KernelId::kPad, kF, [](Step& s) { s.Float({2, 3}).Float({4, 5}).Words({1, 2}); }});
  good.push_back({"pad", KernelId::kPad, kB, [](Step& s) { s.Float({4, 5}).Float({2, 3}).Words({2, 1}); }});
  good.push_back(
      {"transpose", KernelId::kTranspose, kF, [](Step& s) { s.Float({2, 3, 4}).Float({4, 2, 3}).Words({2, 0, 1}); }});
  good.push_back(
      {"transpose", KernelId::kTranspose, kB, [](Step& s) { s.Float({4, 2, 3}).Float({2, 3, 4}).Words({2, 0, 1}); }});
  for (Phase phase : {kF, kB}) {
    good.push_back({"concatenation", KernelId::kConcatenation, phase,
                    [](Step& s) { s.Float({2, 5}).Float({2, 2}).Float({2, 3}).Words({2, 2, 3}); }});
    good.push_back({"split", KernelId::kSplit, phase,
                    [](Step& s) { s.Float({2, 5}).Float({2, 2}).Float({2, 3}).Words({2, 2, 3}); }});
  }
  good.push_back(
      {"softmax", KernelId::kSoftmax, kF, [](Step& s) { s.Float({2, 3}).Float({2, 3}).Words({2, 3}).WordF32(1); }});
  good.push_back({"softmax", KernelId::kSoftmax, kB,
                  [](Step& s) { s.Float({2, 3}).Float({2, 3}).Float({2, 3}).Words({2, 3}).WordF32(1); }});
  good.push_back({"copy", KernelId::kCopy, kF, [](Step& s) { s.Float({6}).Float({2, 3}); }});
  good.push_back({"copy", KernelId::kCopy, kB, [](Step& s) { s.Float({6}).Float({2, 3}); }});
  for (KernelId kernel : {KernelId::kRelu, KernelId::kRelu6, KernelId::kReluN1To1, KernelId::kLogistic, KernelId::kTanh,
                          KernelId::kHardSwish}) {
    good.push_back({"activation", kernel, kF, [](Step& s) { s.Float({2, 3}).Float({2, 3}); }});
    good.push_back({"activation", kernel, kB, [](Step& s) { s.Float({2, 3}).Float({2, 3}).Float({2, 3}); }});
  }
  for (KernelId kernel : {KernelId::kExp, KernelId::kElu, KernelId::kNeg, KernelId::kAbs, KernelId::kSqrt,
                          KernelId::kRsqrt, KernelId::kSquare, KernelId::kLog}) {
    good.push_back({"unary", kernel, kF, [](Step& s) { s.Float({2, 3}).Float({2, 3}); }});
    good.push_back({"unary", kernel, kB, [](Step& s) { s.Float({2, 3}).Float({2, 3}).Float({2, 3}); }});
  }
  for (KernelId kernel : kBinary) {
    good.push_back({"binary", kernel, kF, [](Step& s) { s.Float({2, 3}).Float({3}).Float({2, 3}).Words({1}); }});
    good.push_back({"binary", kernel, kB, [](Step& s) {
                      s.Float({2, 1}).Float({3}).Float({2, 3}).Float({2, 3}).Float({2, 1}).Float({3}).Words({1});
                    }});
  }
  good.push_back({"sum", KernelId::kSum, kF, [](Step& s) { s.Float({1, 4, 3}).Float({1, 3}).Words({1, 4, 3}); }});
  good.push_back({"sum", KernelId::kSum, kB, [](Step& s) { s.Float({1, 3}).Float({1, 4, 3}).Words({1, 4, 3}); }});
  good.push_back({"tile", KernelId::kTile, kF, [](Step& s) { s.Float({2, 3}).Float({4, 6}); }});
  good.push_back({"tile", KernelId::kTile, kB, [](Step& s) { s.Float({4, 6}).Float({2, 3}); }});
  good.push_back({"max", KernelId::kReduceMax, kF, [](Step& s) { s.Float({1, 4, 3}).Float({1, 3}).Words({1, 4, 3}); }});
  good.push_back({"max", KernelId::kReduceMax, kB,
                  [](Step& s) { s.Float({1, 4, 3}).Float({1, 3}).Float({1, 3}).Float({1, 4, 3}).Words({1, 4, 3}); }});
  good.push_back(
      {"log softmax", KernelId::kLogSoftmax, kF, [](Step& s) { s.Float({2, 3}).Float({2, 3}).Words({2, 3}); }});
  good.push_back({"log softmax", KernelId::kLogSoftmax, kB,
                  [](Step& s) { s.Float({2, 3}).Float({2, 3}).Float({2, 3}).Words({2, 3}); }});
  good.push_back(
      {"slice", KernelId::kStridedSlice, kF, [](Step& s) { s.Float({4, 5}).Float({2, 2}).Words({0, 3, 2, 0, 2, 2}); }});
  good.push_back(
      {"slice", KernelId::kStridedSlice, kB, [](Step& s) { s.Float({2, 2}).Float({4, 5}).Words({0, 3, 2, 0, 2, 2}); }});
  good.push_back({"resize", KernelId::kResizeNearestNeighbor, kF,
                  [](Step& s) { s.Float({1, 2, 3, 2}).Float({1, 4, 5, 2}).Words({0, 1}); }});
  good.push_back({"resize", KernelId::kResizeNearestNeighbor, kB,
                  [](Step& s) { s.Float({1, 4, 5, 2}).Float({1, 2, 3, 2}).Words({1, 0}); }});
  for (Phase phase : {kF, kB}) {
    good.push_back({"gather", KernelId::kGather, phase, [](Step& s) { s.Integers({4}).Float({3, 5}).Float({4, 5}); }});
  }
  good.push_back({"cast", KernelId::kCast, kF, [](Step& s) { s.Float({4}).Integers({2, 2}); }});
  good.push_back({"grouped", KernelId::kGroupedConv2d, kF, [](Step& s) {
                    s.Float({1, 5, 4, 4}).Float({6, 3, 3, 2}).Float({6}).Float({1, 5, 4, 6}).Float({1});
                    s.Words({1, 1, 1, 1, 1, 1, 1});
                  }});
  good.push_back({"grouped", KernelId::kGroupedConv2d, kB, [](Step& s) {
                    s.Float({1, 5, 4, 4}).Float({6, 3, 3, 2}).Float({1, 5, 4, 6}).Float({1, 5, 4, 6});
                    s.Float({1, 5, 4, 4}).Keys(120).Float({18}).Words({1, 1, 1, 1, 1, 1, 1}).Trains();
                  }});
  good.push_back({"transposed", KernelId::kTransposeConv, kF, [](Step& s) {
                    s.Float({1, 5, 4, 2}).Float({3, 3, 3, 2}).Float({3}).Float({1, 9, 7, 3}).Float({1});
                    s.Words({2, 2, 1, 1, 1, 1, 1});
                  }});
  good.push_back({"transposed", KernelId::kTransposeConv, kB, [](Step& s) {
                    s.Float({1, 5, 4, 2}).Float({3, 3, 3, 2}).Float({1, 9, 7, 3}).Float({1, 9, 7, 3});
                    s.Float({1, 5, 4, 2}).Keys(189).Float({18}).Words({2, 2, 1, 1, 1, 1, 1}).Trains();
                  }});
  good.push_back({"matmul", KernelId::kBatchMatmul, kF,
                  [](Step& s) { s.Float({2, 3, 4}).Float({4, 5}).Float({2, 3, 5}).Words({0, 0}); }});
  good.push_back({"matmul", KernelId::kBatchMatmul, kB, [](Step& s) {
                    s.Float({2, 4, 3}).Float({5, 4}).Float({2, 3, 5}).Float({2, 4, 3}).Float({5, 4}).Words({1, 1});
                  }});
  good.push_back({"prelu", KernelId::kPrelu, kF, [](Step& s) { s.Float({2, 3}).Float({3}).Float({2, 3}); }});
  good.push_back({"prelu", KernelId::kPrelu, kB,
                  [](Step& s) { s.Float({2, 3}).Float({3}).Float({2, 3}).Float({2, 3}).Trains(); }});
  good.push_back({"gelu", KernelId::kGelu, kF, [](Step& s) { s.Float({2, 3}).Float({2, 3}).Words({1}); }});
  good.push_back({"gelu", KernelId::kGelu, kB, [](Step& s) { s.Float({4}).Float({4}).Float({4}).Words({0}); }});
  good.push_back({"leaky", KernelId::kLeakyRelu, kF, [](Step& s) { s.Float({4}).Float({4}).WordF32(0.1f); }});
  good.push_back(
      {"leaky", KernelId::kLeakyRelu, kB, [](Step& s) { s.Float({4}).Float({4}).Float({4}).WordF32(0.1f); }});
}

/// The step is refused after the change.
void Refused(const Good& good, const std::string& what, const Build& change) {
  Step step(good.kernel, good.phase);
  good.build(step);
  change(step);
  CAPTURE(good.name);
  CAPTURE(static_cast<int>(good.phase));
  CAPTURE(what);
  CHECK(step.Check(Find(good.kernel)) == Status::kPlanInvalid);
}

bool IsConvolution(KernelId kernel) {
  return kernel == KernelId::kConv2d || kernel == KernelId::kDepthwiseConv2d || kernel == KernelId::kConv2dMaxPool ||
         kernel == KernelId::kDepthwiseMaxPool || kernel == KernelId::kGroupedConv2d ||
         kernel == KernelId::kTransposeConv;
}

/// Position of a convolution's workspace.
uint32_t WorkspaceArgument(const Good& good) {
  if (good.phase == kB) return 6;
  return good.kernel == KernelId::kConv2dMaxPool || good.kernel == KernelId::kDepthwiseMaxPool ? 5 : 4;
}

/// An argument that the kernel does without.
bool MayBeAbsent(const Good& good, uint32_t argument) {
  const bool layer = good.kernel == KernelId::kFullyConnected || IsConvolution(good.kernel);
  if (good.phase == kF) {
    if (layer) return argument == 2 || argument >= 4;
    return good.kernel == KernelId::kMaxPool2d && argument == 2;
  }
  if (layer) return argument == 0 || argument == 4 || argument == 5;
  if (good.kernel == KernelId::kAdd || good.kernel == KernelId::kSub) return argument >= 2;
  if (good.kernel == KernelId::kMul) return argument >= 4;
  if (good.kernel == KernelId::kPrelu) return argument == 3;
  if (good.kernel == KernelId::kBatchMatmul) return argument >= 3;
  for (KernelId kernel : kBinary) {
    if (good.kernel == kernel) return argument >= 4;
  }
  const bool parts = good.kernel == KernelId::kConcatenation || good.kernel == KernelId::kSplit;
  return good.phase == kB && parts && argument >= 1;
}

}  // namespace

TEST_CASE("check: typical steps pass, and run") {
  for (const Good& good : GoodSteps()) {
    CAPTURE(good.name);
    Step step(good.kernel, good.phase);
    good.build(step);
    const Operator& op = Find(good.kernel);
    CHECK(step.Check(op) == Status::kOk);
    if (good.phase == kB) {
      step.Backward(op);
    } else {
      step.Forward(op);
    }
  }
}

TEST_CASE("check: arguments missing, too many, of another type") {
  for (const Good& good : GoodSteps()) {
    Step probe(good.kernel, good.phase);
    good.build(probe);
    Refused(good, "no arguments", [](Step& s) { s.record().value_count = 0; });
    Refused(good, "one more", [](Step& s) { s.Float({1}); });
    Refused(good, "one fewer", [](Step& s) { --s.record().value_count; });
    for (uint32_t i = 0; i < probe.size(); ++i) {
      if (!MayBeAbsent(good, i)) Refused(good, "absent", [i](Step& s) { s.Omit(i); });
      Refused(good, "uint32", [i](Step& s) { s.value(i).type = static_cast<uint8_t>(ScalarType::kUint32); });
      Refused(good, "rank 0", [i](Step& s) { s.value(i).rank = 0; });
      Refused(good, "empty", [i](Step& s) { s.value(i).dims[0] = 0; });
      Refused(good, "negative", [i](Step& s) { s.value(i).dims[s.value(i).rank - 1] = -1; });
    }
  }
}

TEST_CASE("check: shapes that do not belong together") {
  for (const Good& good : GoodSteps()) {
    Step probe(good.kernel, good.phase);
    good.build(probe);
    // A larger result of a pad only has more zeros behind, a larger input of a slice more that is left out.
    if (good.kernel == KernelId::kPad || good.kernel == KernelId::kStridedSlice) continue;
    for (uint32_t i = 0; i < probe.size(); ++i) {
      // a scratch and a workspace may be larger than needed
      const bool is_workspace = IsConvolution(good.kernel) && i == WorkspaceArgument(good);
      const bool is_scratch = is_workspace || static_cast<ScalarType>(probe.value(i).type) == ScalarType::kUint16;
      Refused(good, "longer last dimension",
              [i, is_scratch](Step& s) { s.value(i).dims[s.value(i).rank - 1] += is_scratch ? -1 : 1; });
      if (good.kernel == KernelId::kGather && i == 1) continue;  // a table of more rows
      Refused(good, "longer first dimension", [i, is_scratch](Step& s) { s.value(i).dims[0] += is_scratch ? -1 : 1; });
    }
  }
}

TEST_CASE("check: outputs outside the arena") {
  for (const Good& good : GoodSteps()) {
    Step probe(good.kernel, good.phase);
    good.build(probe);
    uint32_t first = probe.size() - 1, last = first;
    if (good.kernel == KernelId::kConcatenation && good.phase == kF) first = last = 0;
    if (good.kernel == KernelId::kSplit && good.phase == kB) first = last = 0;
    if (IsConvolution(good.kernel) && good.phase == kF) first = 3;
    for (uint32_t output = first; output <= last; ++output) {
      for (Place place : {Place::kInput, Place::kConstant, Place::kParameter}) {
        Refused(good, "place", [=](Step& s) { s.value(output).place = static_cast<uint8_t>(place); });
      }
    }
  }
}

TEST_CASE("check: constants missing or too many") {
  for (const Good& good : GoodSteps()) {
    Step probe(good.kernel, good.phase);
    good.build(probe);
    Refused(good, "one more word", [](Step& s) { s.Words({1}); });
    if (probe.record().word_count > 0) Refused(good, "no words", [](Step& s) { s.record().word_count = 0; });
  }
}

TEST_CASE("check: geometry out of range") {
  constexpr uint32_t kHuge[] = {0x7FFFFFFFu, 0x40000000u, 0xFFFFFFFFu, 0x80000000u};
  for (const Good& good : GoodSteps()) {
    Step probe(good.kernel, good.phase);
    good.build(probe);
    const uint16_t words = probe.record().word_count;
    const bool ends_in_float = good.kernel == KernelId::kSoftmax || good.kernel == KernelId::kLeakyRelu;
    for (uint32_t i = 0; i < words - (ends_in_float ? 1u : 0u); ++i) {
      for (uint32_t huge : kHuge) {
        Step step(good.kernel, good.phase);
        good.build(step);
        step.word(i) = huge;
        CAPTURE(good.name);
        CAPTURE(i);
        CAPTURE(huge);
        CHECK(step.Check(Find(good.kernel)) == Status::kPlanInvalid);
      }
    }
    const bool window = words >= 7;  // of a convolution or pool
    if (!window) continue;
    const bool pool = words == 7 && (good.kernel == KernelId::kMaxPool2d || good.kernel == KernelId::kAveragePool2d ||
                                     good.kernel == KernelId::kMaxPoolArgmax);
    for (uint32_t i = 0; i < 4; ++i) Refused(good, "zero stride, dilation or filter", [i](Step& s) { s.word(i) = 0; });
    for (uint32_t i = 4; i < 6; ++i) {
      Refused(good, "pad as large as the window", [i, pool](Step& s) { s.word(i) = pool ? 2 : 3; });
    }
    Refused(good, "unknown activation", [](Step& s) { s.word(6) = 4; });
  }
}

TEST_CASE("check: a pool fused or alone whose windows would miss the map") {
  for (const Good& good : GoodSteps()) {
    if (good.kernel != KernelId::kConv2dMaxPool) continue;
    for (uint32_t i = 9; i < 13; ++i) Refused(good, "zero", [i](Step& s) { s.word(i) = 0; });
    Refused(good, "window starts behind the map", [](Step& s) { s.word(11) = 3; });
    Refused(good, "pad as large as the window", [](Step& s) { s.word(13) = 2; });
    Refused(good, "map without rows", [](Step& s) { s.word(7) = 0; });
    Refused(good, "map larger than the convolution reaches", [](Step& s) { s.word(7) = 7; });
    Refused(good, "more positions than a byte holds", [](Step& s) { s.word(9) = 257; });
  }
}

TEST_CASE("check: what a layer's step may not do") {
  for (const Good& good : GoodSteps()) {
    if (good.phase != kB || good.kernel > KernelId::kFullyConnected) {
      if (good.kernel != KernelId::kConv2dMaxPool && good.kernel != KernelId::kDepthwiseMaxPool) continue;
      if (good.phase != kB) continue;
    }
    if (good.kernel == KernelId::kAdd || good.kernel == KernelId::kConcatenation ||
        good.kernel == KernelId::kAveragePool2d) {
      continue;
    }
    constexpr uint32_t kX = 0, kY = 2, kDx = 4, kScratch = 5;
    Refused(good, "passes on, with neither input nor its error", [](Step& s) {
      s.record().layer = kNoneIndex;
      s.Omit(kX);
      s.Omit(kDx);
    });
    Refused(good, "masks without the output", [](Step& s) { s.Omit(kY); });
    Refused(good, "scratch too small", [](Step& s) { s.value(kScratch).dims[0] -= 1; });
    Refused(good, "scratch of wide keys",
            [](Step& s) { s.value(kScratch).type = static_cast<uint8_t>(ScalarType::kUint32); });
    Refused(good, "scratch in the memory of dx", [](Step& s) { s.value(kScratch).offset = s.value(kDx).offset + 4; });
    if (good.kernel != KernelId::kFullyConnected) {
      constexpr uint32_t kWorkspace = 6;
      Refused(good, "no room for a row of the gradient", [](Step& s) { s.value(kWorkspace).dims[0] -= 1; });
      Refused(good, "workspace in the memory of dx",
              [](Step& s) { s.value(kWorkspace).offset = s.value(kDx).offset + 4; });
    }
    Refused(good, "scratch outside the arena",
            [](Step& s) { s.value(kScratch).place = static_cast<uint8_t>(Place::kParameter); });
  }
}

TEST_CASE("check: a step that trains no weights needs no input, and its shape only where it writes the input's error") {
  for (const Good& good : GoodSteps()) {
    if (good.phase != kB || (good.kernel != KernelId::kFullyConnected && !IsConvolution(good.kernel))) continue;
    CAPTURE(good.name);
    for (const bool lowest : {false, true}) {
      Step step(good.kernel, good.phase);
      good.build(step);
      step.Omit(0);
      if (lowest) step.Omit(4);
      step.Backward(Find(good.kernel));
      if (lowest) continue;
      step.value(4).dims[step.value(4).rank - 1] += 1;
      CHECK(step.Check(Find(good.kernel)) == Status::kPlanInvalid);
    }
  }
}

TEST_CASE("check: a convolution's workspace lies apart from its output") {
  for (const Good& good : GoodSteps()) {
    if (good.phase != kF || !IsConvolution(good.kernel)) continue;
    const uint32_t workspace = WorkspaceArgument(good);
    Refused(good, "workspace in the memory of y", [=](Step& s) { s.value(workspace).offset = s.value(3).offset + 4; });
  }
}

TEST_CASE("check: a layer's output says how many biases it trains") {
  Step flat(KernelId::kFullyConnected, Phase::kBackward);
  flat.Float({1, 6}).Float({4, 6}).Float({4, 1}).Float({4, 1}).Float({1, 6}).Keys(4).Words({1, 6, 4, 1});
  CHECK(flat.Check(Find(KernelId::kFullyConnected)) == Status::kOk);
  flat.Trains();
  CHECK(flat.Check(Find(KernelId::kFullyConnected)) == Status::kPlanInvalid);
}

TEST_CASE("check: slices outside their input") {
  for (const std::vector<int32_t>& words : {std::vector<int32_t>{4, 1, 1},
                                            {-1, 1, 1},
                                            {0, 1, 5},
                                            {3, 1, 2},
                                            {0, -1, 2},
                                            {0, 2, 1},
                                            {1, 0x7FFFFFFF, 2},
                                            {3, -2, 3}}) {
    Step slice(KernelId::kStridedSlice, Phase::kForward);
    slice.Float({4}).Float({words[2]}).Words(words);
    CHECK(slice.Check(Find(KernelId::kStridedSlice)) == Status::kPlanInvalid);
  }
  Step backwards(KernelId::kStridedSlice, Phase::kForward);
  backwards.Float({4}).Float({2}).Words({3, -3, 2});
  CHECK(backwards.Check(Find(KernelId::kStridedSlice)) == Status::kOk);
}

TEST_CASE("check: broadcasts, permutations, slopes") {
  Step wider(KernelId::kAdd, Phase::kForward);  // the operand has more dimensions than the result
  wider.Float({1, 2, 3}).Float({3}).Float({2, 3}).Words({0});
  CHECK(wider.Check(Find(KernelId::kAdd)) == Status::kPlanInvalid);
  Step beyond(KernelId::kPad, Phase::kForward);  // the last column of x would lie behind y
  beyond.Float({2, 3}).Float({4, 5}).Words({1, 3});
  CHECK(beyond.Check(Find(KernelId::kPad)) == Status::kPlanInvalid);
  Step before(KernelId::kPad, Phase::kBackward);
  before.Float({4, 5}).Float({2, 3}).Words({-1, 0});
  CHECK(before.Check(Find(KernelId::kPad)) == Status::kPlanInvalid);
  Step twice(KernelId::kTranspose, Phase::kForward);
  twice.Float({2, 2}).Float({2, 2}).Words({0, 0});
  CHECK(twice.Check(Find(KernelId::kTranspose)) == Status::kPlanInvalid);
  Step negative(KernelId::kLeakyRelu, Phase::kBackward);
  negative.Float({4}).Float({4}).Float({4}).WordF32(-0.1f);
  CHECK(negative.Check(Find(KernelId::kLeakyRelu)) == Status::kPlanInvalid);
  Step no_factor(KernelId::kMul, Phase::kBackward);
  no_factor.Float({3}).Absent().Absent().Float({3}).Float({3}).Absent().Words({0});
  CHECK(no_factor.Check(Find(KernelId::kMul)) == Status::kPlanInvalid);
  Step uneven(KernelId::kFullyConnected, Phase::kForward);
  uneven.Float({1, 7}).Float({2, 3}).Absent().Float({1, 4}).Words({2, 3, 2, 0});
  CHECK(uneven.Check(Find(KernelId::kFullyConnected)) == Status::kPlanInvalid);
  for (const std::vector<int32_t>& words :
       {std::vector<int32_t>{1, 6, 4, 0}, {4, 3, 2, 0}, {2, 2, 3, 0}, {2, 6, 2, 0}}) {
    Step other_shape(KernelId::kFullyConnected, Phase::kForward);
    other_shape.Float({2, 3}).Float({2, 3}).Absent().Float({2, 2}).Words(words);
    CHECK(other_shape.Check(Find(KernelId::kFullyConnected)) == Status::kPlanInvalid);
  }
  for (const std::vector<int32_t>& words : {std::vector<int32_t>{3, 2}, {1, 6}, {2, 4}, {0, 3}}) {
    Step other_rows(KernelId::kSoftmax, Phase::kForward);
    other_rows.Float({2, 3}).Float({2, 3}).Words(words).WordF32(1);
    CHECK(other_rows.Check(Find(KernelId::kSoftmax)) == Status::kPlanInvalid);
  }
}

TEST_CASE("overlap: bytes in the arena") {
  ValueRecord a = {}, b = {};
  a.offset = 16;
  a.bytes = 16;
  b.offset = 32;
  b.bytes = 4;
  CHECK_FALSE(Overlap(a, b));
  b.offset = 31;
  CHECK(Overlap(a, b));
  CHECK(Overlap(b, a));
  b.place = static_cast<uint8_t>(Place::kConstant);
  CHECK_FALSE(Overlap(a, b));
  b = a;
  b.offset = 0xFFFFFFFFu - 3;
  CHECK_FALSE(Overlap(a, b));
}

TEST_CASE("all operators: each kernel once, forward there but for what runs backward only") {
  const AllOperators operators;
  CHECK(operators.size() == kOperatorCount);
  for (const Operator* op : kAllOperators) {
    CHECK(operators.Find(op->kernel) == op);
    const bool is_fused = op->kernel == KernelId::kConv2dMaxPoolInt8 || op->kernel == KernelId::kDepthwiseMaxPoolInt8;
    const bool of_errors = std::strstr(kKernelNames[static_cast<uint32_t>(op->kernel)], "ERRORS") != nullptr;
    const bool surrogate = op->kernel == KernelId::kConv2dSurrogate || op->kernel == KernelId::kDepthwiseSurrogate;
    const bool complete = op->check != nullptr && (op->forward != nullptr) == !(is_fused || of_errors || surrogate);
    CHECK(complete);
    CHECK((op->backward != nullptr) == (op->kernel != KernelId::kMaxPoolArgmax && op->kernel != KernelId::kCast &&
                                        op->kernel != KernelId::kSumPatches && op->kernel != KernelId::kAlignChannels));
  }
  CHECK(operators.Find(KernelId::kExternal) == nullptr);
}
