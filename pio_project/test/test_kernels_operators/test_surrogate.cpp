// Backward steps between patches, and the sums of patches that a forward pass keeps for them.
#include <doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "step_fixture.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

using testing::Step;
using Build = std::function<void(Step&)>;

enum Argument : uint32_t { kX, kW, kY, kDy, kDx, kScratch, kWorkspace, kMeans };

/// 3x3 filters over 2 channels, stride 1x2, a map of 5x3 in patches of 2x2: 3x2 of them. Behind a ReLU.
void Conv(Step& s) {
  s.Float({1, 3, 2, 2}).Float({3, 3, 3, 2}).Float({1, 5, 3, 3}).Float({1, 5, 3, 3}).Float({1, 5, 6, 2});
  s.Keys(18).Float({12 + 6}).Float({1, 3, 2, 3}).Words({2, 4, 2, 4, 0, 0, 2, 0, 9, 1}).WordF32(0.5f).Trains();
}
/// Two output channels for each of the input's.
void Depthwise(Step& s) {
  s.Float({1, 3, 2, 2}).Float({1, 3, 3, 4}).Float({1, 5, 3, 4}).Float({1, 5, 3, 4}).Float({1, 5, 6, 2});
  s.Keys(24).Float({4 + 9}).Float({1, 3, 2, 4}).Words({2, 4, 2, 4, 0, 0, 2, 0, 9, 1}).WordF32(0.5f).Trains();
}
/// The tap in the middle, whose input lies one pixel from the corner.
void CentreTap(Step& s) {
  s.Float({1, 3, 2, 2}).Float({3, 3, 3, 2}).Absent().Float({1, 3, 2, 3}).Float({1, 5, 4, 2});
  s.Keys(18).Float({2}).Float({1, 3, 2, 3}).Words({1, 1, 1, 1, 1, 1, 1, 4, 1, 0}).WordF32(1.0f).Trains();
}
void Sums(Step& s) { s.Float({1, 5, 6, 2}).Float({1, 3, 2, 2}).Words({2, 4, 2, 4, 0, 0}); }

struct Good {
  const char* name;
  const Operator& op;
  Phase phase;
  Build build;
};
const Good kGood[] = {
    {"convolution", kConv2dSurrogate, Phase::kBackward, Conv},
    {"depthwise", kDepthwiseSurrogate, Phase::kBackward, Depthwise},
    {"centre tap", kConv2dSurrogate, Phase::kBackward, CentreTap},
    {"sums", kSumPatches, Phase::kForward, Sums},
};

void Refused(const Good& good, const std::string& what, const Build& change) {
  Step step(good.op.kernel, good.phase);
  good.build(step);
  change(step);
  CAPTURE(good.name);
  CAPTURE(what);
  CHECK(step.Check(good.op) == Status::kPlanInvalid);
}

}  // namespace

TEST_CASE("surrogate: steps pass, and run inside their memory") {
  for (const Good& good : kGood) {
    CAPTURE(good.name);
    Step step(good.op.kernel, good.phase);
    good.build(step);
    if (good.phase == Phase::kForward) {
      step.Forward(good.op);
    } else {
      step.Backward(good.op, false);
    }
  }
}

TEST_CASE("surrogate: arguments missing, too many, of another type or shape") {
  for (const Good& good : kGood) {
    Step probe(good.op.kernel, good.phase);
    good.build(probe);
    const bool sums = good.phase == Phase::kForward;
    Refused(good, "one more", [](Step& s) { s.Float({1}); });
    Refused(good, "one fewer", [](Step& s) { --s.record().value_count; });
    Refused(good, "one more word", [](Step& s) { s.Words({1}); });
    Refused(good, "no words", [](Step& s) { s.record().word_count = 0; });
    for (uint32_t i = 0; i < probe.size(); ++i) {
      if (!sums && i == kY && !probe.View().Has(kY)) continue;
      CAPTURE(i);
      if (sums || (i != kDx && i != kScratch)) Refused(good, "absent", [i](Step& s) { s.Omit(i); });
      Refused(good, "uint32", [i](Step& s) { s.value(i).type = static_cast<uint8_t>(ScalarType::kUint32); });
      Refused(good, "rank 0", [i](Step& s) { s.value(i).rank = 0; });
      Refused(good, "empty", [i](Step& s) { s.value(i).dims[0] = 0; });
      const bool room = !sums && (i == kScratch || i == kWorkspace);
      Refused(good, "last dimension", [i, room](Step& s) { s.value(i).dims[s.value(i).rank - 1] += room ? -1 : 1; });
      if (!room) Refused(good, "a batch", [i](Step& s) { s.value(i).dims[0] += 1; });
    }
    const uint32_t output = sums ? 1u : uint32_t{kMeans};
    Refused(good, "outside the arena",
            [=](Step& s) { s.value(output).place = static_cast<uint8_t>(Place::kParameter); });
    Refused(good, "in the memory of the first argument", [=](Step& s) { s.value(output).offset = s.value(0).offset; });
  }
}

TEST_CASE("surrogate: geometry out of range") {
  constexpr uint32_t kHuge[] = {0x7FFFFFFFu, 0x40000000u, 0xFFFFFFFFu, 0x80000000u};
  for (const Good& good : kGood) {
    Step probe(good.op.kernel, good.phase);
    good.build(probe);
    const bool sums = good.phase == Phase::kForward;
    const uint32_t integers = probe.record().word_count - (sums ? 0u : 1u);
    for (uint32_t i = 0; i < integers; ++i) {
      for (uint32_t huge : kHuge) {
        CAPTURE(i);
        Refused(good, std::to_string(huge), [=](Step& s) { s.word(i) = huge; });
      }
    }
    for (uint32_t i = 0; i < 4; ++i) Refused(good, "no window or stride", [i](Step& s) { s.word(i) = 0; });
    Refused(good, "a patch behind the image", [](Step& s) { s.word(4) = 4; });
    if (sums) continue;
    Refused(good, "no patch", [](Step& s) { s.word(6) = 0; });
    Refused(good, "taps behind the filter", [](Step& s) { s.word(7) = 9; });
    Refused(good, "more taps than there are", [](Step& s) { s.word(8) = 10; });
    Refused(good, "unknown activation", [](Step& s) { s.word(9) = 4; });
    Refused(good, "means that share a part of the errors",
            [](Step& s) { s.value(kMeans).offset = s.value(kDy).offset + 4; });
    Refused(good, "keys in the memory of dx", [](Step& s) { s.value(kScratch).offset = s.value(kDx).offset; });
    Refused(good, "workspace in the memory of means",
            [](Step& s) { s.value(kWorkspace).offset = s.value(kMeans).offset; });
    Refused(good, "trains without its input", [](Step& s) { s.Omit(kX); });
  }
  Refused(kGood[0], "errors that lie in no patch", [](Step& s) { s.value(kMeans).dims[1] = s.value(kX).dims[1] = 2; });
}

TEST_CASE("surrogate: sums of patches, fewer pixels at the bottom and right") {
  Step step(KernelId::kSumPatches, Phase::kForward);
  step.Float({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}).Float({1, 2, 2, 1}).Words({2, 2, 2, 2, 0, 0});
  step.Forward(kSumPatches);
  CHECK(step.Get(1) == std::vector<float>{12, 9, 15, 9});
}

TEST_CASE("surrogate: the error of a patch is its mean times the sum of the taps, at each of its pixels") {
  Step step(KernelId::kConv2dSurrogate, Phase::kBackward);
  step.Absent().Float({1, 1, 2, 1}, {2, 3}).Absent().Float({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  step.Float({1, 3, 3, 1}, {1, 0, 0, 0, 0, 0, 0, 0, 0}).Absent().Float({4 + 1}).Float({1, 2, 2, 1});
  step.Words({2, 2, 2, 2, 0, 0, 2, 0, 2, 0}).WordF32(1.0f).Accumulates(1);
  step.Backward(kConv2dSurrogate);
  CHECK(step.Get(kDx) == std::vector<float>{16, 15, 22.5f, 15, 15, 22.5f, 37.5f, 37.5f, 45});
}

}  // namespace tflm_train
