#include "conv_testing.h"
#include "tflm_train/kernels/bias.h"
#include "tflm_train/kernels/fully_connected.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

constexpr DenseShape kShapes[] = {{1, 5, 3}, {1, 1, 1}, {1, 8, 4}, {1, 3, 17}, {3, 4, 2}, {2, 7, 5}};

}  // namespace

TEST_CASE("fully connected: small numbers by hand") {
  const DenseShape s = {1, 3, 2};
  const std::vector<float> x = {1, 2, 3}, bias = {1, -100};
  std::vector<float> w = {1, 2, 3, /**/ 4, 5, 6};
  std::vector<float> y(2);
  WorkCounters work;
  FullyConnected::Forward(s, x.data(), w.data(), bias.data(), Activation::kReluN1To1, y.data(), work);
  CHECK(y == std::vector<float>{1, -1});
  FullyConnected::Forward<float>(s, x.data(), w.data(), nullptr, Activation::kNone, y.data(), work);
  CHECK(y == std::vector<float>{14, 32});
  CHECK(work.forward == 12);

  const std::vector<float> dy = {2, -1};
  std::vector<float> dx(3), dw(6);
  FullyConnected::InputError(s, w.data(), dy.data(), All(), dx.data(), work);
  CHECK(dx == std::vector<float>{-2, -1, 0});
  FullyConnected::WeightGradient(s, x.data(), dy.data(), All(), 0.5f, dw.data(), work);
  CHECK(dw == std::vector<float>{1, 2, 3, -0.5f, -1, -1.5f});
  CHECK(work.input_error == 6);
  CHECK(work.weight_gradient == 6);

  dx.assign(3, 0);
  FullyConnected::BackwardRows(s, x.data(), w.data(), dy.data(), All(), 0.5f, dx.data(), work);
  CHECK(dx == std::vector<float>{-2, -1, 0});  // of the old weights
  CHECK(w == std::vector<float>{2, 4, 6, 3.5f, 4, 4.5f});
  CHECK(work.input_error == 12);
  CHECK(work.weight_gradient == 12);
}

TEST_CASE("fully connected: gradients by finite differences") {
  Random random(31);
  double dx_worst = 0, dw_worst = 0, db_worst = 0;
  for (const DenseShape& s : kShapes) {
    for (Activation activation : kActivations) {
      std::vector<double> x, w, bias, y(s.output_elements());
      WorkCounters work;
      do {
        x = random.Vector<double>(size_t{s.batch} * s.inputs, 3);
        w = random.Vector<double>(size_t{s.inputs} * s.outputs, 2);
        bias = random.Vector<double>(s.outputs);
        FullyConnected::Forward(s, x.data(), w.data(), bias.data(), Activation::kNone, y.data(), work);
      } while (!AwayFromKinks(y, activation));
      const std::vector<double> r = random.Vector<double>(y.size());
      const auto loss = [&] {
        FullyConnected::Forward(s, x.data(), w.data(), bias.data(), activation, y.data(), work);
        return testing::Dot(y, r);
      };
      loss();
      std::vector<double> dy = r, dx(x.size()), dw(w.size()), db(bias.size());
      MaskError(activation, y.data(), s.output_elements(), dy.data());
      FullyConnected::InputError(s, w.data(), dy.data(), All(), dx.data(), work);
      FullyConnected::WeightGradient(s, x.data(), dy.data(), All(), 1.0, dw.data(), work);
      BiasGradient(All(), dy.data(), s.output_elements(), s.Locator(), 1.0, db.data());
      dx_worst = std::fmax(dx_worst, Measure(dx, FiniteDifferences(x, loss)));
      dw_worst = std::fmax(dw_worst, Measure(dw, FiniteDifferences(w, loss)));
      db_worst = std::fmax(db_worst, Measure(db, FiniteDifferences(bias, loss)));
    }
  }
  MESSAGE("largest differences: dx " << dx_worst << ", dw " << dw_worst << ", db " << db_worst);
  CHECK(dx_worst <= kTolerance);
  CHECK(dw_worst <= kTolerance);
  CHECK(db_worst <= kTolerance);
}

TEST_CASE("fully connected: a selection in any form does the same to the bit, row by row too") {
  Random random(33);
  for (const DenseShape& s : kShapes) {
    const std::vector<float> x = random.Vector<float>(size_t{s.batch} * s.inputs);
    const std::vector<float> w = random.Vector<float>(size_t{s.inputs} * s.outputs);
    const std::vector<float> dx0 = random.Vector<float>(x.size());
    const auto separate = [&](const Selection& selection, const std::vector<float>& dy) {
      std::vector<float> dx = dx0, updated = w;
      WorkCounters work;
      FullyConnected::InputError(s, w.data(), dy.data(), selection, dx.data(), work);
      FullyConnected::WeightGradient(s, x.data(), dy.data(), selection, -0.25f, updated.data(), work);
      dx.insert(dx.end(), updated.begin(), updated.end());
      return dx;
    };
    CheckSelections(random, random.Vector<float>(s.output_elements()), separate);
    if (s.batch > 1) continue;
    const auto rows = [&](const Selection& selection, const std::vector<float>& dy) {
      std::vector<float> dx = dx0, updated = w;
      WorkCounters work;
      FullyConnected::BackwardRows(s, x.data(), updated.data(), dy.data(), selection, -0.25f, dx.data(), work);
      dx.insert(dx.end(), updated.begin(), updated.end());
      return dx;
    };
    CheckSelections(random, random.Vector<float>(s.output_elements()), rows);
  }
}

// With short numbers every product is exact, so that it does not matter which products a target fuses with their sums.
TEST_CASE("fully connected: row by row is the same as one gradient after the other") {
  Random random(34);
  const auto short_numbers = [&](size_t count) {
    std::vector<float> values = random.Vector<float>(count);
    for (float& value : values) value = std::round(value * 64) / 64;
    return values;
  };
  for (const DenseShape& s : kShapes) {
    if (s.batch > 1) continue;
    const std::vector<float> x = short_numbers(s.inputs), dy = short_numbers(s.output_elements());
    const std::vector<float> w = short_numbers(size_t{s.inputs} * s.outputs), dx0 = short_numbers(s.inputs);
    std::vector<float> dx = dx0, updated = w, dx_rows = dx0, updated_rows = w;
    WorkCounters work;
    FullyConnected::InputError(s, w.data(), dy.data(), All(), dx.data(), work);
    FullyConnected::WeightGradient(s, x.data(), dy.data(), All(), -0.25f, updated.data(), work);
    FullyConnected::BackwardRows(s, x.data(), updated_rows.data(), dy.data(), All(), -0.25f, dx_rows.data(), work);
    CHECK(SameBits(dx_rows, dx));
    CHECK(SameBits(updated_rows, updated));
  }
}
