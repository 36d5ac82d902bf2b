// Training inside TFLM gives what the library's own forward pass gives.
#include <doctest/doctest.h>

#include "binding_fixture.h"

namespace tflm_train {
namespace {

constexpr uint32_t kSteps = 200;
constexpr uint32_t kSamples = 20;  // over and over, so that every model learns something within the steps
const char* const kNetworks[] = {"mlp", "cnn", "residual", "separable", "inverted_residual"};

TEST_CASE("dense losses equal the native device's over 200 steps") {
  // besides the networks: several shapes of one tensor; shapes computed at run time; a file with TFLM's own memory plan
  for (const std::string name :
       {"mlp_dense", "cnn_dense", "residual_dense", "separable_dense", "inverted_residual_dense", "views_dense",
        "flatten_dense", "mlp_offline", "int8_dense_int16-master", "int8_dense_stochastic", "int8_cnn_float32",
        "int8_cnn_int16"}) {
    CAPTURE(name);
    Resolver resolver;
    AddAllCases(&resolver);
    Pair pair(name);
    REQUIRE(pair.InitNative() == Status::kOk);
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    float worst = 0.0f;
    float first = 0.0f;
    float last = 0.0f;
    const auto samples = Samples(kSamples, pair.native.input_elements(), pair.native.output_elements());
    for (uint32_t i = 0; i < kSteps; ++i) {
      StepResult native = {};
      StepResult tflm = {};
      REQUIRE(pair.native.Step(samples[i % kSamples].input.data(), Label::Class(samples[i % kSamples].label),
                               &native) == Status::kOk);
      REQUIRE(pair.tflm.Step(samples[i % kSamples].input.data(), Label::Class(samples[i % kSamples].label), &tflm) ==
              Status::kOk);
      worst = std::fmax(worst, std::fabs(native.loss - tflm.loss) / std::fmax(1.0f, native.loss));
      if (i < kSamples) first += native.loss / kSamples;
      if (i >= kSteps - kSamples) last += native.loss / kSamples;
    }
    std::printf("%-24s loss %.3f -> %.3f, largest difference %.2e\n", name.c_str(), static_cast<double>(first),
                static_cast<double>(last), static_cast<double>(worst));
    CHECK(last < first);
    // In int8 both forward passes give the same integers: all that follows is the same.
    CHECK(worst <= (name.substr(0, 4) == "int8" ? 0.0f : 1e-4f));
  }
}

TEST_CASE("tinyprop is as accurate as on the native device") {
  for (const std::string name : kNetworks) {
    CAPTURE(name);
    Resolver resolver;
    AddAllCases(&resolver);
    Pair pair(name + "_tinyprop");
    REQUIRE(pair.InitNative() == Status::kOk);
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    const auto samples = Samples(kSamples, pair.native.input_elements(), pair.native.output_elements());
    double native_correct = 0.0;
    double tflm_correct = 0.0;
    for (uint32_t i = 0; i < kSteps; ++i) {
      StepResult native = {};
      StepResult tflm = {};
      REQUIRE(pair.native.Step(samples[i % kSamples].input.data(), Label::Class(samples[i % kSamples].label),
                               &native) == Status::kOk);
      REQUIRE(pair.tflm.Step(samples[i % kSamples].input.data(), Label::Class(samples[i % kSamples].label), &tflm) ==
              Status::kOk);
      if (i == 0) CHECK(std::fabs(native.loss - tflm.loss) <= 1e-4f * std::fmax(1.0f, native.loss));
      native_correct += native.correct > 0 ? 1.0 / kSteps : 0.0;
      tflm_correct += tflm.correct > 0 ? 1.0 / kSteps : 0.0;
    }
    // 95 % interval of a share of kSteps samples
    const double interval = 1.96 * std::sqrt(native_correct * (1.0 - native_correct) / kSteps) + 1.0 / kSteps;
    std::printf("%-18s tinyprop: accuracy %.3f, native %.3f +- %.3f\n", name.c_str(), tflm_correct, native_correct,
                interval);
    CHECK(std::fabs(native_correct - tflm_correct) <= interval);
  }
}

TEST_CASE("accumulated gradients, flush and reset work through the interpreter") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair pair("mlp_accumulate");
  REQUIRE(pair.InitNative() == Status::kOk);
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  const auto samples = Samples(10, pair.native.input_elements(), pair.native.output_elements());
  for (const Sample& sample : samples) {
    REQUIRE(pair.native.Step(sample.input.data(), Label::Class(sample.label)) == Status::kOk);
    REQUIRE(pair.tflm.Step(sample.input.data(), Label::Class(sample.label)) == Status::kOk);
  }
  REQUIRE(pair.native.Flush() == Status::kOk);
  REQUIRE(pair.tflm.Flush() == Status::kOk);
  Trainer& trainer = pair.tflm.trainer();
  for (uint32_t i = 0; i < trainer.parameter_count(); ++i) {
    CHECK(ErrorMeasure(trainer.parameter(i).floats(), pair.native.parameter(i).floats(),
                       trainer.parameter(i).elements) <= 1e-5);
  }
  StepResult before = {};
  StepResult after = {};
  Pair fresh("mlp_accumulate");
  REQUIRE(fresh.InitTflm(resolver) == Status::kOk);
  REQUIRE(fresh.tflm.Evaluate(samples[0].input.data(), Label::Class(0), &before) == Status::kOk);
  REQUIRE(pair.tflm.Reset() == Status::kOk);
  REQUIRE(pair.tflm.Evaluate(samples[0].input.data(), Label::Class(0), &after) == Status::kOk);
  CHECK(before.loss == after.loss);
}

}  // namespace
}  // namespace tflm_train
