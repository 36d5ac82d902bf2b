#include "kernel_testing.h"
#include "tflm_train/kernels/conv_2d.h"
#include "tflm_train/kernels/depthwise_conv_2d.h"
#include "tflm_train/kernels/fully_connected.h"
#include "tflm_train/kernels/gather.h"
#include "tflm_train/kernels/prelu.h"

using namespace tflm_train;
using namespace tflm_train::testing;

namespace {

/// What a rule has been given: the number of rows and, at the place of its weight, the gradient of each.
struct Taken {
  std::vector<double> gradient;
  uint32_t rows = 0;
};
Taken taken;
double* weights;
double row_memory[64];

void Take(double* row, const double* gradient, uint32_t n, uint32_t step) {
  ++taken.rows;
  for (uint32_t i = 0; i < n; ++i) {
    double& place = taken.gradient[static_cast<size_t>(row - weights) + i * step];
    CHECK(std::isnan(place));  // nobody's row before
    place = gradient[i];
  }
}
const RowRule<double> kTaking = {
    [](const RowSink<double>&, const Workspace<double>&, uint32_t n) { return Workspace<double>{row_memory, n}; },
    [](const RowSink<double>&, double* row, const double* gradient, uint32_t n) { Take(row, gradient, n, 1); },
    [](const RowSink<double>&, double* row, const double* gradient, uint32_t n, uint32_t step) {
      Take(row, gradient, n, step);
    },
    nullptr, nullptr};

/// A kernel's rows for a rule are what it adds without one, a row each, and only those of the channels that `selects`
/// names. run(sink, target): the kernel.
template <class Run, class Selects>
void CheckRows(size_t elements, uint32_t rows, Run run, Selects selects) {
  std::vector<double> added(elements, 0.0), untouched(elements, 7.0);
  run(RowSink<double>(1.0), added.data());
  RowSink<double> sink;
  sink.rule = &kTaking;
  weights = untouched.data();
  taken = {std::vector<double>(elements, std::nan("")), 0};
  run(sink, untouched.data());
  CHECK(taken.rows == rows);
  for (size_t i = 0; i < elements; ++i) {
    CHECK(untouched[i] == 7.0);
    if (selects(i)) {
      CHECK(taken.gradient[i] == added[i]);
    } else {
      CHECK(std::isnan(taken.gradient[i]));
      CHECK(added[i] == 0.0);
    }
  }
}

constexpr uint32_t kChannels = 3, kPositions = 4;

/// Errors [kPositions, kChannels]; the second channel has none.
std::vector<double> Errors(Random& rng) {
  std::vector<double> dy = rng.Vector<double>(kPositions * kChannels);
  for (uint32_t i = 1; i < dy.size(); i += kChannels) dy[i] = 0.0;
  return dy;
}

}  // namespace

TEST_CASE("row sink: a rule gets each selected row once, whole") {
  Random rng(11);
  WorkCounters work;
  const std::vector<double> dy = Errors(rng);
  const ConvShape s = {2, 2, 3, 2, 2, 3, 1, 1, 1, 1, 1, 1, 0, 0, 1, 3};
  const std::vector<double> x = rng.Vector<double>(12);
  const DirectLocator locator(s.out_w, s.out_c);
  double memory[9];
  for (const uint32_t room : {3u, 9u}) {  // a row at a time, all
    const Workspace<double> sums = {memory, room};
    const auto conv = [&](const Selection& selection) {
      return [&, selection](const RowSink<double>& sink, double* target) {
        Conv2d::WeightGradient(s, x.data(), dy.data(), 12u, selection, locator, sink, sums, target, work);
      };
    };
    CheckRows(9, 2, conv(NonZero()), [](size_t i) { return i / 3 != 1; });
    CheckRows(9, 3, conv(All()), [](size_t) { return true; });
    CheckRows(9, 3, conv(Selection::Dense(true, true)), [](size_t) { return true; });
    const auto depthwise = [&](const RowSink<double>& sink, double* target) {
      DepthwiseConv2d::WeightGradient(s, x.data(), dy.data(), 12u, NonZero(), locator, sink, sums, target, work);
    };
    CheckRows(3, 2, depthwise, [](size_t i) { return i != 1; });
  }
  const DenseShape dense = {kPositions, 20, kChannels};  // rows longer than a block on the stack
  const std::vector<double> inputs = rng.Vector<double>(kPositions * 20);
  const auto rows = [&](const RowSink<double>& sink, double* target) {
    FullyConnected::WeightGradient(dense, inputs.data(), dy.data(), NonZero(), sink, target, work);
  };
  CheckRows(60, 2, rows, [](size_t i) { return i / 20 != 1; });
}

TEST_CASE("row sink: rows of a table that are read, and slopes, have an end each") {
  Random rng(12);
  WorkCounters work;
  const GatherShape table = {4, 3, 20};
  const std::vector<int32_t> index = {2, 0, 2, 2};
  const std::vector<double> dy = rng.Vector<double>(80);
  const auto gather = [&](const RowSink<double>& sink, double* target) {
    GatherTableGradient(table, index.data(), dy.data(), sink, target);
  };
  CheckRows(60, 2, gather, [](size_t i) { return i / 20 != 1; });

  const PreluShape slopes = {4, 5};
  const std::vector<double> x = rng.Vector<double>(20), w = rng.Vector<double>(5), error = rng.Vector<double>(20);
  const auto prelu = [&](const RowSink<double>& sink, double* target) {
    PreluBackward<double>(slopes, x.data(), w.data(), error.data(), false, sink, target, nullptr, work);
  };
  CheckRows(5, 5, prelu, [](size_t) { return true; });
}
