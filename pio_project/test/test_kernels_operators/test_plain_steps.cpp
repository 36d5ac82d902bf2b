// Operators without weights: arguments at their places, outputs written or added to, shared memory.
#include "../test_kernels/kernel_testing.h"
#include "step_fixture.h"
#include "tflm_train/operators/operators.h"

using namespace tflm_train;
using namespace tflm_train::testing;

using F = std::vector<float>;

TEST_CASE("max pool step: forward, hook, backward") {
  const std::vector<int32_t> words = {2, 2, 2, 2, 0, 0, 1};  // ReLU
  const F x = {1, 5, -1, -2, /**/ 5, 5, -3, -4};
  Step forward(KernelId::kMaxPool2d, Phase::kForward);
  forward.Float({1, 2, 4, 1}, x).Float({1, 1, 2, 1}).Bytes({1, 1, 2, 1}).Words(words).Forward(kMaxPool2d);
  CHECK(forward.Get(1) == F{5, 0});
  CHECK(forward.Get<uint8_t>(2) == std::vector<uint8_t>{1, 0});

  Step inference(KernelId::kMaxPool2d, Phase::kForward);
  inference.Float({1, 2, 4, 1}, x).Float({1, 1, 2, 1}).Absent().Words(words).Forward(kMaxPool2dForward);
  CHECK(inference.Get(1) == F{5, 0});

  Step hook(KernelId::kMaxPoolArgmax, Phase::kHook);
  hook.Float({1, 2, 4, 1}, x).Float({1, 1, 2, 1}, {7, 8}).Bytes({1, 1, 2, 1}).Words(words);
  hook.Forward(kMaxPoolArgmaxForward);
  CHECK(hook.Get(1) == F{7, 8});
  CHECK(hook.Get<uint8_t>(2) == std::vector<uint8_t>{1, 0});

  for (uint32_t mask : {0u, 1u}) {
    Step backward(KernelId::kMaxPool2d, Phase::kBackward);
    backward.Float({1, 1, 2, 1}, {5, 0}).Bytes({1, 1, 2, 1}, {1, 0}).Float({1, 1, 2, 1}, {3, 4});
    backward.Float({1, 2, 4, 1}, F(8, 10)).Words(words).Accumulates(mask).Backward(kMaxPool2d);
    CHECK(backward.Get(3) == (mask ? F{10, 13, 10, 10, 10, 10, 10, 10} : F{0, 3, 0, 0, 0, 0, 0, 0}));
  }
}

TEST_CASE("average pool step: forward, backward") {
  const std::vector<int32_t> words = {2, 2, 2, 2, 0, 0, 3};  // ReLU6
  Step forward(KernelId::kAveragePool2d, Phase::kForward);
  forward.Float({1, 2, 2, 2}, {1, 9, 2, 9, 3, 9, 6, 9}).Float({1, 1, 1, 2}).Words(words).Forward(kAveragePool2d);
  CHECK(forward.Get(1) == F{3, 6});
  for (uint32_t mask : {0u, 1u}) {
    Step backward(KernelId::kAveragePool2d, Phase::kBackward);
    backward.Float({1, 1, 1, 2}, {3, 6}).Float({1, 1, 1, 2}, {4, 4}).Float({1, 2, 2, 2}, F(8, 1)).Words(words);
    backward.Accumulates(mask).Backward(kAveragePool2d);
    CHECK(backward.Get(2) == (mask ? F{2, 1, 2, 1, 2, 1, 2, 1} : F{1, 0, 1, 0, 1, 0, 1, 0}));
  }
}

TEST_CASE("mean step: forward, backward") {
  Step forward(KernelId::kMean, Phase::kForward);
  forward.Float({1, 2, 1, 2}, {1, 2, 3, 4}).Float({1, 2}).Words({1, 2, 2}).Forward(kMean);
  CHECK(forward.Get(1) == F{2, 3});
  Step backward(KernelId::kMean, Phase::kBackward);
  backward.Float({1, 2}, {2, 4}).Float({1, 2, 1, 2}, F(4, 9)).Words({1, 2, 2}).Backward(kMean);
  CHECK(backward.Get(1) == F{1, 2, 1, 2});
  backward.Accumulates(1).Backward(kMean);
  CHECK(backward.Get(1) == F{2, 4, 2, 4});
}

TEST_CASE("add and sub steps: forward; errors of operands, broadcast and shared") {
  Step forward(KernelId::kSub, Phase::kForward);
  forward.Float({2, 2}, {1, 2, 3, 4}).Float({2}, {2, 2}).Float({2, 2}).Words({1}).Forward(kSub);
  CHECK(forward.Get(2) == F{0, 0, 1, 2});

  Step masked(KernelId::kSub, Phase::kBackward);
  masked.Float({2, 2}, {0, 0, 1, 2}).Float({2, 2}, {1, 2, 3, 4}).Float({2, 2}, F(4, 9)).Float({2}, {10, 10});
  masked.Words({1}).Accumulates(2).Backward(kSub);
  CHECK(masked.Get(2) == F{0, 0, 3, 4});
  CHECK(masked.Get(3) == F{7, 6});

  Step shared_a(KernelId::kAdd, Phase::kBackward);  // da is dy: db must still see it
  shared_a.Absent().Float({1, 3}, {1, 2, 3}).Shared(1).Float({1}, {5}).Words({0}).Backward(kAdd);
  CHECK(shared_a.Get(2) == F{1, 2, 3});
  CHECK(shared_a.Get(3) == F{6});

  Step shared_b(KernelId::kAdd, Phase::kBackward);
  shared_b.Absent().Float({1, 3}, {1, 2, 3}).Float({3}, {5, 5, 5}).Shared(1).Words({0}).Accumulates(1).Backward(kAdd);
  CHECK(shared_b.Get(2) == F{6, 7, 8});
  CHECK(shared_b.Get(3) == F{1, 2, 3});

  Step negated(KernelId::kSub, Phase::kBackward);  // db is dy: da first
  negated.Absent().Float({3}, {1, 2, 3}).Float({3}).Shared(1).Words({0}).Backward(kSub);
  CHECK(negated.Get(2) == F{1, 2, 3});
  CHECK(negated.Get(3) == F{-1, -2, -3});

  Step twice(KernelId::kAdd, Phase::kBackward);  // a + a
  twice.Absent().Float({3}, {1, 2, 3}).Shared(1).Shared(1).Words({0}).Accumulates(2).Backward(kAdd);
  CHECK(twice.Get(1) == F{2, 4, 6});

  Step one(KernelId::kAdd, Phase::kBackward);
  one.Absent().Float({2, 2}, {1, 2, 3, 4}).Absent().Float({2, 1}, {9, 9}).Words({0}).Backward(kAdd);
  CHECK(one.Get(3) == F{3, 7});
}

TEST_CASE("mul step: forward, errors of operands, counters") {
  Step forward(KernelId::kMul, Phase::kForward);
  forward.Float({2, 2}, {1, 2, 3, 4}).Float({2}, {2, -1}).Float({2, 2}).Words({0});
  CHECK(forward.Forward(kMul).forward == 4);
  CHECK(forward.Get(2) == F{2, -2, 6, -4});

  Step both(KernelId::kMul, Phase::kBackward);
  both.Float({2, 2}, {1, 2, 3, 4}).Float({2}, {2, -1}).Float({2, 2}, {2, 0, 6, 0}).Float({2, 2}, {1, 1, 2, 2});
  both.Float({2, 2}, F(4, 9)).Float({2}, {100, 100}).Words({1}).Accumulates(2);
  CHECK(both.Backward(kMul).input_error == 8);
  CHECK(both.Get(4) == F{2, 0, 4, 0});
  CHECK(both.Get(5) == F{107, 100});

  Step only_a(KernelId::kMul, Phase::kBackward);
  only_a.Absent().Float({1}, {3}).Absent().Float({3}, {1, 2, 3}).Float({3}).Absent().Words({0});
  CHECK(only_a.Backward(kMul).input_error == 3);
  CHECK(only_a.Get(4) == F{3, 6, 9});

  Step square(KernelId::kMul, Phase::kBackward);  // x * x: both errors in one buffer
  square.Float({2}, {3, 5}).Shared(0).Absent().Float({2}, {1, 2}).Float({2}).Shared(4).Words({0}).Accumulates(2);
  square.Backward(kMul);
  CHECK(square.Get(4) == F{6, 20});
}

TEST_CASE("pad, transpose, concatenation, copy steps") {
  Step pad(KernelId::kPad, Phase::kForward);
  pad.Float({1, 2}, {1, 2}).Float({2, 4}, F(8, 9)).Words({1, 1}).Forward(kPad);
  CHECK(pad.Get(1) == F{0, 0, 0, 0, 0, 1, 2, 0});
  Step unpad(KernelId::kPad, Phase::kBackward);
  unpad.Float({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}).Float({1, 2}, {1, 1}).Words({1, 1}).Accumulates(1).Backward(kPad);
  CHECK(unpad.Get(1) == F{7, 8});

  Step transpose(KernelId::kTranspose, Phase::kForward);
  transpose.Float({2, 3}, {1, 2, 3, 4, 5, 6}).Float({3, 2}).Words({1, 0}).Forward(kTranspose);
  CHECK(transpose.Get(1) == F{1, 4, 2, 5, 3, 6});
  Step back(KernelId::kTranspose, Phase::kBackward);
  back.Float({3, 2}, {1, 4, 2, 5, 3, 6}).Float({2, 3}).Words({1, 0}).Backward(kTranspose);
  CHECK(back.Get(1) == F{1, 2, 3, 4, 5, 6});

  Step join(KernelId::kConcatenation, Phase::kForward);
  join.Float({1, 2, 3}).Float({1, 2, 1}, {1, 2}).Float({1, 2, 2}, {3, 4, 5, 6}).Words({2, 1, 2});
  join.Forward(kConcatenation);
  CHECK(join.Get(0) == F{1, 3, 4, 2, 5, 6});
  Step split(KernelId::kConcatenation, Phase::kBackward);  // two of three parts have no error
  split.Float({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}).Absent().Float({2, 2}, {1, 1, 1, 1}).Absent().Words({1, 2, 4, 2});
  split.Accumulates(2).Backward(kConcatenation);
  CHECK(split.Get(2) == F{4, 5, 6, 7});

  Step divide(KernelId::kSplit, Phase::kForward);
  divide.Float({2, 3}, {1, 2, 3, 4, 5, 6}).Float({2}).Float({2, 2}).Words({2, 1, 2}).Forward(kSplit);
  CHECK(divide.Get(1) == F{1, 4});
  CHECK(divide.Get(2) == F{2, 3, 5, 6});
  Step whole(KernelId::kSplit, Phase::kBackward);  // the second part has no error
  whole.Float({2, 3}, F(6, 9)).Float({2}, {1, 4}).Absent().Words({2, 1, 2}).Backward(kSplit);
  CHECK(whole.Get(0) == F{1, 0, 0, 4, 0, 0});

  Step copy(KernelId::kCopy, Phase::kForward);
  copy.Float({2, 2}, {1, 2, 3, 4}).Float({4}).Words({}).Forward(kCopy);
  CHECK(copy.Get(1) == F{1, 2, 3, 4});
  Step copy_back(KernelId::kCopy, Phase::kBackward);
  copy_back.Float({4}, {1, 2, 3, 4}).Float({2, 2}, {1, 1, 1, 1}).Accumulates(1).Backward(kCopy);
  CHECK(copy_back.Get(1) == F{2, 3, 4, 5});
}

TEST_CASE("softmax step: rows of the last dimension, beta") {
  Step forward(KernelId::kSoftmax, Phase::kForward);
  forward.Float({2, 2}, {0, 0, 1, 1}).Float({2, 2}).Words({2, 2}).WordF32(2).Forward(kSoftmax);
  CHECK(forward.Get(1) == F{0.5f, 0.5f, 0.5f, 0.5f});
  Step backward(KernelId::kSoftmax, Phase::kBackward);
  backward.Float({1, 2}, {0.5f, 0.5f}).Float({1, 2}, {1, 0}).Shared(1).Words({1, 2}).WordF32(2).Backward(kSoftmax);
  CHECK(backward.Get(2) == F{0.5f, -0.5f});
}

TEST_CASE("activation steps: saved value, error, output in the error's memory") {
  struct Case {
    const Operator* op;
    float x, y, saved, slope;
    bool has_alpha;
  };
  const Case cases[] = {
      {&kRelu, -1, 0, 0, 0, false},
      {&kRelu, 2, 2, 2, 1, false},
      {&kRelu6, 7, 6, 6, 0, false},
      {&kRelu6, 5, 5, 5, 1, false},
      {&kReluN1To1, -2, -1, -1, 0, false},
      {&kReluN1To1, 0.5f, 0.5f, 0.5f, 1, false},
      {&kLeakyRelu, -2, -1, -1, 0.5f, true},
      {&kLeakyRelu, 2, 2, 2, 1, true},
      {&kHardSwish, 1.5f, 1.125f, 1.5f, 1, false},
      {&kLogistic, 0, 0.5f, 0.5f, 0.25f, false},
      {&kTanh, 0, 0, 0, 1, false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.op->kernel);
    Step forward(c.op->kernel, Phase::kForward), backward(c.op->kernel, Phase::kBackward);
    Step added(c.op->kernel, Phase::kBackward);
    forward.Float({1, 1}, {c.x}).Shared(0);
    backward.Float({1, 1}, {c.saved}).Float({1, 1}, {4}).Shared(1);
    added.Float({1, 1}, {c.saved}).Float({1, 1}, {4}).Float({1}, {100}).Accumulates(1);
    if (c.has_alpha) {
      forward.WordF32(0.5f);
      backward.WordF32(0.5f);
      added.WordF32(0.5f);
    }
    forward.Forward(*c.op);
    backward.Backward(*c.op);
    added.Backward(*c.op);
    CHECK(forward.Get(1) == F{c.y});
    CHECK(backward.Get(2) == F{4 * c.slope});
    CHECK(added.Get(2) == F{100 + 4 * c.slope});
  }
}
