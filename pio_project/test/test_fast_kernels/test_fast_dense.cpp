// Fast dense layers and vector passes held to their plain twins.
#include "../test_kernels/kernel_testing.h"
#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/bias.h"
#include "tflm_train/kernels/fast/fully_connected.h"
#include "tflm_train/kernels/fast/vector.h"
#include "tflm_train/kernels/fully_connected.h"

namespace tflm_train {
namespace testing {
namespace {

constexpr double kFastTolerance = 1e-6;
constexpr Activation kActivations[] = {Activation::kNone, Activation::kRelu, Activation::kReluN1To1,
                                       Activation::kRelu6};

// Outputs of about 1/2 that are no small difference of large terms: a change of order must not show in a single output.
std::vector<float> PositiveVector(Random& random, size_t n) {
  std::vector<float> x = random.Vector<float>(n);
  for (float& value : x) value = std::fabs(value);
  return x;
}
std::vector<float> Weights(Random& random, size_t outputs, size_t inputs) {
  std::vector<float> w = random.Vector<float>(outputs * inputs);
  for (float& value : w) value = (value + 0.5f) * 2.0f / static_cast<float>(inputs);
  return w;
}

TEST_CASE("fast FULLY_CONNECTED equals its plain twin") {
  Random random(31);
  double forward = 0, backward = 0;
  const auto update = [](double* worst, double now) {
    if (!(now <= *worst)) *worst = now;
  };
  for (uint32_t batch : {1u, 3u}) {
    for (uint32_t inputs : {1u, 3u, 4u, 8u, 12u, 13u, 32u, 64u, 79u}) {
      for (uint32_t outputs : {1u, 2u, 3u, 4u, 5u, 8u, 10u, 33u}) {
        const DenseShape shape = {batch, inputs, outputs};
        const std::vector<float> x = PositiveVector(random, batch * inputs), w = Weights(random, outputs, inputs);
        const std::vector<float> bias = PositiveVector(random, outputs);
        for (Activation activation : kActivations) {
          for (const float* b : {bias.data(), static_cast<const float*>(nullptr)}) {
            std::vector<float> y(batch * outputs), fast_y(y.size());
            WorkCounters plain, fast_work;
            FullyConnected::Forward(shape, x.data(), w.data(), b, activation, y.data(), plain);
            fast::FullyConnectedForward(shape, activation, x.data(), w.data(), b, fast_y.data(), fast_work.forward);
            update(&forward, Measure(fast_y, y));
            CHECK(fast_work.forward == plain.forward);
          }
        }
        std::vector<float> dy = random.Vector<float>(batch * outputs);
        for (float& value : dy) {
          if (random.Below(3) == 0) value = random.Below(2) == 0 ? 0.0f : -0.0f;
        }
        for (const Selection& selection : {All(), NonZero()}) {
          const std::vector<float> dx0 = random.Vector<float>(x.size());
          const std::vector<float> db0 = random.Vector<float>(outputs);
          std::vector<float> dx = dx0, dw = w, db = db0;
          std::vector<float> fast_dx = dx0, fast_dw = w, fast_db = db0, row_dx = dx0, row_dw = w, row_db = db0;
          WorkCounters plain, fast_work, rows;
          FullyConnected::InputError(shape, w.data(), dy.data(), selection, dx.data(), plain);
          FullyConnected::WeightGradient(shape, x.data(), dy.data(), selection, -0.25f, dw.data(), plain);
          BiasGradient(selection, dy.data(), batch * outputs, shape.Locator(), -0.25f, db.data());
          // input error alone, gradients alone, all, all into the weights themselves
          const float* const w_data = w.data();
          fast::FullyConnectedBackward<false>(shape, selection, dy.data(), x.data(), w_data, -0.25f, nullptr, nullptr,
                                              fast_dx.data(), fast_work);
          CHECK(fast_work.weight_gradient == 0);
          fast::FullyConnectedBackward<false>(shape, selection, dy.data(), x.data(), w_data, -0.25f, fast_dw.data(),
                                              fast_db.data(), nullptr, fast_work);
          update(&backward, Measure(fast_dx, dx));
          update(&backward, Measure(fast_dw, dw));
          update(&backward, Measure(fast_db, db));
          CHECK(fast_work.input_error == plain.input_error);
          CHECK(fast_work.weight_gradient == plain.weight_gradient);
          // the bias alone
          fast_db = db0;
          fast::FullyConnectedBackward<false>(shape, selection, dy.data(), x.data(), w_data, -0.25f, nullptr,
                                              fast_db.data(), nullptr, fast_work);
          update(&backward, Measure(fast_db, db));
          fast_dx = dx0, fast_dw = w, fast_db = db0;
          fast::FullyConnectedBackward<false>(shape, selection, dy.data(), x.data(), w_data, -0.25f, fast_dw.data(),
                                              fast_db.data(), fast_dx.data(), fast_work);
          update(&backward, Measure(fast_dx, dx));
          update(&backward, Measure(fast_dw, dw));
          update(&backward, Measure(fast_db, db));
          const auto in_place = batch == 1 ? fast::FullyConnectedBackward<true> : fast::FullyConnectedBackward<false>;
          in_place(shape, selection, dy.data(), x.data(), row_dw.data(), -0.25f, row_dw.data(), row_db.data(),
                   row_dx.data(), rows);
          update(&backward, Measure(row_dx, dx));
          update(&backward, Measure(row_dw, dw));
          update(&backward, Measure(row_db, db));
          CHECK(rows.input_error == plain.input_error);
          CHECK(rows.weight_gradient == plain.weight_gradient);
        }
      }
    }
  }
  MESSAGE("largest differences: forward " << forward << ", backward " << backward);
  CHECK(forward <= kFastTolerance);
  CHECK(backward <= kFastTolerance);
}

TEST_CASE("activations and masks equal their plain twins to the bit") {
  Random random(32);
  for (uint32_t n = 1; n < 20; ++n) {
    for (Activation activation : kActivations) {
      std::vector<float> x = random.Vector<float>(n, 8.0f);
      for (float& value : x) {
        if (random.Below(5) == 0) value = 0.0f;
      }
      std::vector<float> y(n), fast_y = x;
      ClampForward(activation, x.data(), n, y.data());
      fast::AddBias(nullptr, activation, fast_y.data(), 1, static_cast<int32_t>(n));
      CHECK(SameBits(fast_y, y));
      std::vector<float> dy = random.Vector<float>(n), fast_dy = dy;
      MaskError(activation, y.data(), n, dy.data());
      fast::MaskError(activation, y.data(), fast_dy.data(), n);
      CHECK(SameBits(fast_dy, dy));
    }
  }
  CHECK(fast::LowerBound(Activation::kNone) == -std::numeric_limits<float>::infinity());
  CHECK(fast::LowerBound(Activation::kRelu) == 0.0f);
  CHECK(fast::LowerBound(Activation::kRelu6) == 0.0f);
  CHECK(fast::LowerBound(Activation::kReluN1To1) == -1.0f);
}

TEST_CASE("biases are added row by row") {
  Random random(34);
  for (int32_t channels = 1; channels <= 9; ++channels) {
    for (Activation activation : kActivations) {
      const std::vector<float> x = random.Vector<float>(size_t(3 * channels), 8.0f),
                               bias = random.Vector<float>(size_t(channels));
      std::vector<float> y(x.size()), fast_y = x;
      for (size_t i = 0; i < x.size(); ++i) y[i] = Bounds<float>(activation).Clamp(x[i] + bias[i % size_t(channels)]);
      fast::AddBias(bias.data(), activation, fast_y.data(), 3, channels);
      CHECK(SameBits(fast_y, y));
    }
  }
}

TEST_CASE("a negative zero and a NaN in an activation") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (Activation activation : kActivations) {
    const float zero[] = {0.0f, 0.0f, 0.0f, 0.0f};
    float values[] = {-0.0f, nan, -nan, 1.0f};
    fast::AddBias(zero, activation, values, 1, 4);
    CHECK(values[0] == 0.0f);
    CHECK(std::isnan(values[1]));
    CHECK(values[3] == 1.0f);
  }
}

TEST_CASE("bias gradients equal their plain twin") {
  Random random(33);
  double worst = 0;
  for (uint32_t channels : {1u, 3u, 4u, 7u, 8u}) {
    for (uint32_t pixels : {1u, 6u}) {
      const uint32_t n = channels * pixels;
      std::vector<float> dy = random.Vector<float>(n);
      for (float& value : dy) {
        if (random.Below(3) == 0) value = 0.0f;
      }
      for (const Selection& selection : {All(), NonZero()}) {
        std::vector<float> db = random.Vector<float>(channels), fast_db = db;
        const DirectLocator locator(static_cast<int32_t>(pixels), static_cast<int32_t>(channels));
        BiasGradient(selection, dy.data(), n, locator, -0.5f, db.data());
        fast::BiasGradient(-0.5f, fast_db.data(), selection, dy.data(), n, channels);
        const double now = Measure(fast_db, db);
        if (!(now <= worst)) worst = now;
      }
    }
  }
  MESSAGE("largest difference " << worst);
  CHECK(worst <= kFastTolerance);
}

}  // namespace
}  // namespace testing
}  // namespace tflm_train
