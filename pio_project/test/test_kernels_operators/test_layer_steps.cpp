// What the operators with weights do with a step: mask, select, old weights, destinations, counters.
#include "../test_kernels/conv_testing.h"
#include "step_fixture.h"
#include "tflm_train/operators/operators.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

constexpr uint32_t kW = 1, kDy = 3, kDx = 4;

/// A backward step of one of the five layers on random numbers, ReLU fused, with its inputs for comparisons.
struct Layer {
  const Operator* op;
  std::string name;
  std::vector<int32_t> x_dims, w_dims, y_dims, words;
  int32_t channels;
  bool pooled;
};

std::vector<Layer> Layers() {
  return {
      {&kFullyConnected, "fully connected", {1, 12}, {5, 12}, {1, 5}, {1, 12, 5, 1}, 5, false},
      {&kFullyConnected, "fully connected, batch", {3, 4}, {5, 4}, {3, 5}, {3, 4, 5, 1}, 5, false},
      {&kConv2d, "conv", {1, 5, 4, 2}, {3, 3, 3, 2}, {1, 5, 4, 3}, {1, 1, 1, 1, 1, 1, 1}, 3, false},
      {&kConv2d, "conv, many elements", {1, 9, 8, 4}, {4, 3, 3, 4}, {1, 9, 8, 4}, {1, 1, 1, 1, 1, 1, 1}, 4, false},
      {&kDepthwiseConv2d, "depthwise", {1, 5, 4, 2}, {1, 3, 3, 4}, {1, 5, 4, 4}, {1, 1, 1, 1, 1, 1, 1, 2}, 4, false},
      {&kConv2dMaxPool,
       "conv pool",
       {1, 5, 4, 2},
       {3, 3, 3, 2},
       {1, 3, 2, 3},
       {1, 1, 1, 1, 1, 1, 1, 5, 4, 2, 2, 2, 2, 0, 0},
       3,
       true},
      {&kDepthwiseMaxPool,
       "depthwise pool",
       {1, 5, 4, 2},
       {1, 3, 3, 4},
       {1, 3, 2, 4},
       {1, 1, 1, 1, 1, 1, 1, 2, 5, 4, 2, 2, 2, 2, 0, 0},
       4,
       true},
  };
}

size_t Product(const std::vector<int32_t>& dims) {
  size_t n = 1;
  for (int32_t d : dims) n *= static_cast<size_t>(d);
  return n;
}

/// The step after a forward pass on the same numbers: y, arg-max and the error are consistent.
std::unique_ptr<Step> Backward(const Layer& layer, uint32_t seed, bool has_dx = true, bool has_scratch = true) {
  Random random(seed);
  const std::vector<float> x = random.Vector<float>(Product(layer.x_dims));
  const std::vector<float> w = random.Vector<float>(Product(layer.w_dims));
  const size_t n = Product(layer.y_dims);
  Step forward(layer.op->kernel, Phase::kForward);
  forward.Float(layer.x_dims, x).Float(layer.w_dims, w).Absent().Float(layer.y_dims);
  if (layer.pooled) forward.Bytes(layer.y_dims);
  if (layer.op->kernel != KernelId::kFullyConnected) forward.Float({256});
  forward.Words(layer.words).Forward(*layer.op);

  auto step = std::make_unique<Step>(layer.op->kernel, Phase::kBackward);
  step->Float(layer.x_dims, x).Float(layer.w_dims, w).Float(layer.y_dims, forward.Get(3));
  step->Float(layer.y_dims, random.Vector<float>(n));
  has_dx ? step->Float(layer.x_dims, random.Vector<float>(x.size())) : step->Absent();
  has_scratch ? step->Keys(static_cast<int32_t>(n)) : step->Absent();
  if (layer.op->kernel != KernelId::kFullyConnected) step->Float({static_cast<int32_t>(w.size())});
  if (layer.pooled) step->Bytes(layer.y_dims, forward.Get<uint8_t>(4));
  step->Words(layer.words).Trains();
  return step;
}

Training MakeTraining(const Layer& layer, float scale = -0.125f) {
  Training training;
  training.bias.assign(static_cast<size_t>(layer.channels), 0.5f);
  training.scale = scale;
  return training;
}

/// Everything that a backward step changes.
struct Outcome {
  std::vector<float> dy, dx, w, bias;
  bool operator==(const Outcome& other) const {
    return SameBits(dy, other.dy) && SameBits(dx, other.dx) && SameBits(w, other.w) && SameBits(bias, other.bias);
  }
};

Outcome Run(const Layer& layer, const Step& step, Training& training) {
  training.Run(*layer.op, step);
  return {step.Get(kDy), step.Get(kDx), step.Get(kW), training.bias};
}

}  // namespace

TEST_CASE("layer step: dense, without zero-skip, and a top-k of everything give the same bits") {
  for (const Layer& layer : Layers()) {
    CAPTURE(layer.name);
    const auto first = Backward(layer, 1), second = Backward(layer, 1);
    const auto third = Backward(layer, 1), fourth = Backward(layer, 1);
    Training skip = MakeTraining(layer), no_skip = MakeTraining(layer);
    Training top_k = MakeTraining(layer), tinyprop = MakeTraining(layer);
    no_skip.zero_skip = false;
    top_k.options.selector = SelectorId::kStaticTopk;
    tinyprop.options.selector = SelectorId::kTinyprop;
    tinyprop.options.s_min = 1;
    const Outcome dense = Run(layer, *first, skip);
    CHECK(dense == Run(layer, *second, no_skip));
    CHECK(dense == Run(layer, *third, top_k));
    CHECK(dense == Run(layer, *fourth, tinyprop));
    CHECK(top_k.work.selection == Product(layer.y_dims));
    CHECK(skip.work.selection == 0);
    CHECK(top_k.work.weight_gradient == skip.work.weight_gradient);
    CHECK(skip.work.weight_gradient < no_skip.work.weight_gradient);  // ReLU made zeros
    CHECK(no_skip.work.update == Product(layer.w_dims) + static_cast<size_t>(layer.channels));
  }
}

TEST_CASE("layer step: a sparse selection is dense training on the largest elements of the masked error") {
  for (const Layer& layer : Layers()) {
    CAPTURE(layer.name);
    const auto sparse_step = Backward(layer, 2), dense_step = Backward(layer, 2), whole_step = Backward(layer, 2);
    Training sparse = MakeTraining(layer), dense = MakeTraining(layer), whole = MakeTraining(layer);
    sparse.options.selector = SelectorId::kStaticTopk;
    sparse.options.ratio = 0.4f;
    const Outcome selected = Run(layer, *sparse_step, sparse);
    const std::vector<float> error = Run(layer, *whole_step, whole).dy;
    std::vector<float> largest(error.size());
    const size_t k = static_cast<size_t>(0.4f * static_cast<float>(error.size()));
    for (uint32_t i = 0; i < error.size(); ++i) {
      size_t larger = 0;
      for (uint32_t j = 0; j < error.size(); ++j) {
        larger += std::fabs(error[j]) > std::fabs(error[i]) || (std::fabs(error[j]) == std::fabs(error[i]) && j < i);
      }
      if (larger < k) largest[i] = error[i];
    }
    dense_step->Set(kDy, largest);
    const Outcome expected = Run(layer, *dense_step, dense);
    CHECK(SameBits(selected.dx, expected.dx));
    CHECK(SameBits(selected.w, expected.w));
    CHECK(SameBits(selected.bias, expected.bias));
    CHECK(sparse.work.input_error == dense.work.input_error);
    CHECK(sparse.work.update == dense.work.update);
  }
}

TEST_CASE("layer step: the input error comes from the old weights, the gradient buffer from the same error") {
  for (const Layer& layer : Layers()) {
    CAPTURE(layer.name);
    const auto update = Backward(layer, 3), buffered = Backward(layer, 3), frozen = Backward(layer, 3);
    Training fused = MakeTraining(layer, -1), accumulated = MakeTraining(layer, 1), nothing = MakeTraining(layer);
    std::vector<float> gradient(Product(layer.w_dims));
    accumulated.gradient = &gradient;
    nothing.weights_train = nothing.bias_trains = false;
    const std::vector<float> w = update->Get(kW);
    const Outcome a = Run(layer, *update, fused), b = Run(layer, *buffered, accumulated);
    const Outcome c = Run(layer, *frozen, nothing);
    CHECK(SameBits(a.dx, b.dx));
    CHECK(SameBits(a.dx, c.dx));
    CHECK(SameBits(b.w, w));
    CHECK(SameBits(c.w, w));
    std::vector<float> updated = w;
    for (size_t i = 0; i < w.size(); ++i) updated[i] -= gradient[i];
    CHECK(Measure(a.w, updated) <= 1e-6);
    CHECK(nothing.work.weight_gradient == 0);
    CHECK(nothing.work.update == 0);
    CHECK(nothing.bias == std::vector<float>(nothing.bias.size(), 0.5f));
  }
}

TEST_CASE("layer step: dx is overwritten, added to, or not computed") {
  for (const Layer& layer : Layers()) {
    CAPTURE(layer.name);
    const auto overwrite = Backward(layer, 4), add = Backward(layer, 4), without = Backward(layer, 4, false, false);
    add->Accumulates(1);
    const std::vector<float> before = add->Get(kDx);
    Training first = MakeTraining(layer), second = MakeTraining(layer), third = MakeTraining(layer);
    const Outcome written = Run(layer, *overwrite, first), added = Run(layer, *add, second);
    std::vector<float> sum = before;
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += written.dx[i];
    CHECK(Measure(added.dx, sum) <= 1e-6);
    third.Run(*layer.op, *without);
    CHECK(SameBits(without->Get(kW), written.w));
    CHECK(third.work.input_error == 0);
  }
}

TEST_CASE("layer step: a layer that does not train passes the error on without its input") {
  for (const Layer& layer : Layers()) {
    CAPTURE(layer.name);
    const auto with = Backward(layer, 5), without = Backward(layer, 5, true, false);
    without->Omit(0);
    without->record().layer = kNoneIndex;
    Training training = MakeTraining(layer);
    const Outcome expected = Run(layer, *with, training);
    const WorkCounters work = without->Backward(*layer.op);
    CHECK(SameBits(without->Get(kDx), expected.dx));
    CHECK(work.input_error == training.work.input_error);
    CHECK(work.weight_gradient == 0);
    CHECK(work.update == 0);
  }
}

TEST_CASE("layer step: an error of zeros changes nothing and clears dx") {
  for (const Layer& layer : Layers()) {
    CAPTURE(layer.name);
    for (SelectorId id : {SelectorId::kDense, SelectorId::kStaticTopk, SelectorId::kTinyprop}) {
      const auto step = Backward(layer, 6);
      step->Set(kDy, std::vector<float>(Product(layer.y_dims)));
      const std::vector<float> w = step->Get(kW);
      Training training = MakeTraining(layer);
      training.options.selector = id;
      const Outcome outcome = Run(layer, *step, training);
      CHECK(outcome.dx == std::vector<float>(outcome.dx.size()));
      CHECK(SameBits(outcome.w, w));
      CHECK(training.work.weight_gradient == 0);
      CHECK(training.work.update == 0);
    }
  }
}

TEST_CASE("layer step: one pass has the bits of the whole operator, for one sample") {
  Layer layer = Layers()[0];
  for (bool has_scratch : {false, true}) {
    const auto step = Backward(layer, 7, true, has_scratch), same = Backward(layer, 7, true, has_scratch);
    Training whole = MakeTraining(layer), one_pass = MakeTraining(layer);
    layer.op = &kFullyConnected;
    const Outcome expected = Run(layer, *step, whole);
    layer.op = &kFullyConnectedOnePass;
    CHECK(Run(layer, *same, one_pass) == expected);
  }
  Step batch(KernelId::kFullyConnected, Phase::kBackward);
  batch.Float({2, 3}).Float({4, 3}).Absent().Float({2, 4}).Absent().Absent().Words({2, 3, 4, 0}).Trains();
  CHECK(batch.Check(kFullyConnected) == Status::kOk);
  CHECK(batch.Check(kFullyConnectedOnePass) == Status::kMissingOperator);
  Step forward(KernelId::kFullyConnected, Phase::kForward);
  forward.Float({2, 3}).Float({4, 3}).Absent().Float({2, 4}).Words({2, 3, 4, 0});
  CHECK(forward.Check(kFullyConnectedOnePass) == Status::kOk);
}

TEST_CASE("layer step: parameters changed are counted once") {
  // neurons 1 and 3 in the first row of the batch, 1 in the second
  Step step(KernelId::kFullyConnected, Phase::kBackward);
  step.Float({2, 3}).Float({4, 3}).Absent().Float({2, 4}, {0, 1, 0, 2, 0, 3, 0, 0}).Absent().Absent();
  step.Words({2, 3, 4, 0}).Trains();
  Training training;
  training.bias.assign(4, 0);
  training.Run(kFullyConnected, step);
  CHECK(training.work.update == 2 * 3 + 2);
  CHECK(training.work.weight_gradient == 3 * 3);
  CHECK(training.bias == std::vector<float>{0, 4, 0, 2});
}

TEST_CASE("forward step: bias, activation, counters") {
  Step step(KernelId::kFullyConnected, Phase::kForward);
  step.Float({2, 1, 2}, {1, 2, 3, 4}).Float({1, 2}, {1, -1}).Float({1}, {0.5f}).Float({2, 1}).Words({2, 2, 1, 0});
  CHECK(step.Forward(kFullyConnectedForward).forward == 4);
  CHECK(step.Get(3) == std::vector<float>{-0.5f, -0.5f});
  step.word(3) = 1;
  step.Forward(kFullyConnected);
  CHECK(step.Get(3) == std::vector<float>{0, 0});
}
