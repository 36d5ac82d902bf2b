// Only the operators that training needs run.
#include <doctest/doctest.h>

#include "binding_fixture.h"

namespace tflm_train {
namespace {

TflmRegistration counted_conv;
int conv_calls;

TfLiteStatus CountConv(TfLiteContext* context, TfLiteNode* node) {
  ++conv_calls;
  return counted_conv.invoke(context, node);
}

TEST_CASE("training from a stored activation runs the suffix only and learns the same") {
  counted_conv = tflite::Register_CONV_2D();
  TflmRegistration counting = counted_conv;
  counting.invoke = CountConv;
  Resolver resolver;
  resolver.AddConv2D(counting);
  resolver.AddFullyConnected();
  resolver.AddMaxPool2D();
  resolver.AddReshape();
  resolver.AddSoftmax();
  Pair whole("cnn_last");
  Pair suffix("cnn_last");
  REQUIRE(whole.InitTflm(resolver) == Status::kOk);
  REQUIRE(suffix.InitTflm(resolver) == Status::kOk);
  const auto samples = Samples(8, whole.tflm.trainer().input_elements(), whole.tflm.trainer().output_elements());
  const uint16_t cut = suffix.tflm.FirstTrainedOperator();
  std::vector<std::vector<float>> activations;
  for (const Sample& sample : samples) {
    const float* activation = nullptr;
    uint32_t elements = 0;
    conv_calls = 0;
    REQUIRE(suffix.tflm.RunPrefix(cut, sample.input.data(), &activation, &elements) == Status::kOk);
    CHECK(conv_calls == 2);
    activations.emplace_back(activation, activation + elements);
  }
  for (uint32_t i = 0; i < 40; ++i) {
    const Sample& sample = samples[i % samples.size()];
    StepResult a = {};
    StepResult b = {};
    REQUIRE(whole.tflm.Step(sample.input.data(), Label::Class(sample.label), &a) == Status::kOk);
    conv_calls = 0;
    REQUIRE(suffix.tflm.StepFrom(cut, activations[i % samples.size()].data(), Label::Class(sample.label), &b) ==
            Status::kOk);
    CHECK(conv_calls == 0);
    REQUIRE(a.loss == b.loss);
    CHECK(a.correct == b.correct);
  }
  // a whole pass after it runs everything again
  const float* output = nullptr;
  REQUIRE(suffix.tflm.Infer(samples[0].input.data(), &output) == Status::kOk);
  CHECK(conv_calls == 2);
}

TEST_CASE("a sample's weight works through the interpreter and behind a cut") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair whole("cnn_last");
  Pair suffix("cnn_last");
  REQUIRE(whole.InitNative() == Status::kOk);
  REQUIRE(whole.InitTflm(resolver) == Status::kOk);
  REQUIRE(suffix.InitTflm(resolver) == Status::kOk);
  const auto samples = Samples(8, whole.native.input_elements(), whole.native.output_elements());
  const uint16_t cut = suffix.tflm.FirstTrainedOperator();
  for (uint32_t i = 0; i < 40; ++i) {
    const Sample& sample = samples[i % samples.size()];
    const float weight = 0.5f * static_cast<float>(i % 4);
    const float* activation = nullptr;
    uint32_t elements = 0;
    REQUIRE(suffix.tflm.RunPrefix(cut, sample.input.data(), &activation, &elements) == Status::kOk);
    const std::vector<float> kept(activation, activation + elements);
    StepResult native = {};
    StepResult a = {};
    StepResult b = {};
    REQUIRE(whole.native.Step(sample.input.data(), Label::Class(sample.label), weight, &native) == Status::kOk);
    REQUIRE(whole.tflm.Step(sample.input.data(), Label::Class(sample.label), weight, &a) == Status::kOk);
    REQUIRE(suffix.tflm.StepFrom(cut, kept.data(), Label::Class(sample.label), weight, &b) == Status::kOk);
    CHECK(std::fabs(native.loss - a.loss) <= 1e-4f * std::fmax(1.0f, native.loss));
    REQUIRE(a.loss == b.loss);
  }
  CHECK(whole.tflm.Step(samples[0].input.data(), Label::Class(0), -1.0f) == Status::kInvalidArgument);
}

TEST_CASE("a cut that would change the result is refused") {
  Resolver resolver;
  AddAllCases(&resolver);
  const float* activation = nullptr;
  uint32_t elements = 0;
  const std::vector<float> values(4096, 0.5f);
  SUBCASE("something in front of it trains") {
    Pair pair("cnn_dense");
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    CHECK(pair.tflm.FirstTrainedOperator() == 0);
    CHECK(pair.tflm.RunPrefix(4, values.data(), &activation, &elements) == Status::kInvalidArgument);
    CHECK(pair.tflm.StepFrom(4, values.data(), Label::Class(0)) == Status::kInvalidArgument);
  }
  SUBCASE("two tensors cross it") {
    Pair pair("residual_last");
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    CHECK(pair.tflm.RunPrefix(2, values.data(), &activation, &elements) == Status::kInvalidArgument);
    CHECK(pair.tflm.RunPrefix(1, values.data(), &activation, &elements) == Status::kOk);
  }
  SUBCASE("outside the model, or not finite") {
    Pair pair("cnn_last");
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    const uint16_t cut = pair.tflm.FirstTrainedOperator();
    CHECK(pair.tflm.RunPrefix(0, values.data(), &activation, &elements) == Status::kInvalidArgument);
    CHECK(pair.tflm.RunPrefix(1000, values.data(), &activation, &elements) == Status::kInvalidArgument);
    CHECK(pair.tflm.StepFrom(cut, nullptr, Label::Class(0)) == Status::kInvalidArgument);
    REQUIRE(pair.tflm.RunPrefix(cut, values.data(), &activation, &elements) == Status::kOk);
    CHECK(pair.tflm.StepFrom(cut, activation, Label::Class(0)) == Status::kInvalidArgument);  // not copied
    std::vector<float> broken(4096, 0.5f);
    broken[1] = NAN;
    CHECK(pair.tflm.StepFrom(cut, broken.data(), Label::Class(0)) == Status::kNonFinite);
  }
}

}  // namespace
}  // namespace tflm_train
