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
  Pair whole("cnn_cut");
  Pair suffix("cnn_cut");
  REQUIRE(whole.InitTflm(resolver) == Status::kOk);
  REQUIRE(suffix.InitTflm(resolver) == Status::kOk);
  const auto samples = Samples(8, whole.tflm.trainer().input_elements(), whole.tflm.trainer().output_elements());
  std::vector<std::vector<float>> activations;
  for (const Sample& sample : samples) {
    const float* activation = nullptr;
    conv_calls = 0;
    REQUIRE(suffix.tflm.RunBody(sample.input.data(), &activation) == Status::kOk);
    CHECK(conv_calls == 2);
    activations.emplace_back(activation, activation + suffix.tflm.cut_elements());
  }
  for (uint32_t i = 0; i < 40; ++i) {
    const Sample& sample = samples[i % samples.size()];
    StepResult a = {};
    StepResult b = {};
    REQUIRE(whole.tflm.Step(sample.input.data(), Label::Class(sample.label), &a) == Status::kOk);
    conv_calls = 0;
    REQUIRE(suffix.tflm.StepFromCut(activations[i % samples.size()].data(), Label::Class(sample.label), &b) ==
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
  Pair whole("cnn_cut");
  Pair suffix("cnn_cut");
  REQUIRE(whole.InitNative() == Status::kOk);
  REQUIRE(whole.InitTflm(resolver) == Status::kOk);
  REQUIRE(suffix.InitTflm(resolver) == Status::kOk);
  const auto samples = Samples(8, whole.native.input_elements(), whole.native.output_elements());
  for (uint32_t i = 0; i < 40; ++i) {
    const Sample& sample = samples[i % samples.size()];
    const float weight = 0.5f * static_cast<float>(i % 4);
    const float* activation = nullptr;
    REQUIRE(suffix.tflm.RunBody(sample.input.data(), &activation) == Status::kOk);
    const std::vector<float> kept(activation, activation + suffix.tflm.cut_elements());
    StepResult native = {};
    StepResult a = {};
    StepResult b = {};
    REQUIRE(whole.native.Step(sample.input.data(), Label::Class(sample.label), weight, &native) == Status::kOk);
    REQUIRE(whole.tflm.Step(sample.input.data(), Label::Class(sample.label), weight, &a) == Status::kOk);
    REQUIRE(suffix.tflm.StepFromCut(kept.data(), Label::Class(sample.label), weight, &b) == Status::kOk);
    CHECK(std::fabs(native.loss - a.loss) <= 1e-4f * std::fmax(1.0f, native.loss));
    REQUIRE(a.loss == b.loss);
  }
  CHECK(whole.tflm.Step(samples[0].input.data(), Label::Class(0), -1.0f) == Status::kInvalidArgument);
}

/// What TFLM alone runs stays as it is, and the layers behind learn as the library's own kernels make them learn.
TEST_CASE("a head trains on a body that only TFLM runs") {
  for (const std::string name : {"lstm", "int8", "int8_input"}) {
    CAPTURE(name);
    Resolver resolver;
    AddAllCases(&resolver);
    Pair whole(name);
    Pair suffix(name);
    REQUIRE(whole.InitTflm(resolver) == Status::kOk);
    REQUIRE(suffix.InitTflm(resolver) == Status::kOk);
    CHECK(whole.InitNative() == Status::kBodyNeedsTflm);
    REQUIRE(whole.native.InitFromCut(whole.native_model.data(), whole.native_model.size(), whole.operators,
                                     whole.native_arena.data(), whole.native_arena.size()) == Status::kOk);
    REQUIRE(whole.native.input_elements() == suffix.tflm.cut_elements());
    const auto samples = Samples(12, whole.tflm.trainer().input_elements(), whole.tflm.trainer().output_elements());
    float first = 0.0f;
    float last = 0.0f;
    constexpr uint32_t kSteps = 240;
    for (uint32_t i = 0; i < kSteps; ++i) {
      const Sample& sample = samples[i % samples.size()];
      const float* activation = nullptr;
      REQUIRE(suffix.tflm.RunBody(sample.input.data(), &activation) == Status::kOk);
      const std::vector<float> kept(activation, activation + suffix.tflm.cut_elements());
      StepResult native = {};
      StepResult a = {};
      StepResult b = {};
      REQUIRE(whole.native.Step(kept.data(), Label::Class(sample.label), &native) == Status::kOk);
      REQUIRE(whole.tflm.Step(sample.input.data(), Label::Class(sample.label), &a) == Status::kOk);
      REQUIRE(suffix.tflm.StepFromCut(kept.data(), Label::Class(sample.label), &b) == Status::kOk);
      REQUIRE(a.loss == b.loss);
      CHECK(std::fabs(native.loss - a.loss) <= 1e-4f * std::fmax(1.0f, native.loss));
      if (i < samples.size()) first += a.loss;
      if (i + samples.size() >= kSteps) last += a.loss;
    }
    CHECK(last < first);
    for (uint32_t i = 0; i < whole.native.parameter_count(); ++i) {
      const uint32_t count = whole.native.parameter(i).elements;
      CHECK(ErrorMeasure(whole.tflm.trainer().parameter(i).floats(), whole.native.parameter(i).floats(), count) <=
            1e-4);
      CHECK(std::memcmp(whole.tflm.trainer().parameter(i).floats(), suffix.tflm.trainer().parameter(i).floats(),
                        4 * count) == 0);
    }
  }
}

TEST_CASE("an input of another type takes numbers, or what it stores") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair pair("int8_input");
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  const uint32_t elements = pair.tflm.trainer().input_elements();
  const Sample sample = Samples(1, elements, 4)[0];
  const float* output = nullptr;
  REQUIRE(pair.tflm.Infer(sample.input.data(), &output) == Status::kOk);
  const std::vector<float> expected(output, output + 4);
  auto* stored = static_cast<int8_t*>(pair.tflm.raw_input());
  for (uint32_t i = 0; i < elements; ++i) {
    const float value = std::round(sample.input[i] / 0.04f) + 3.0f;
    stored[i] = static_cast<int8_t>(std::fmax(-128.0f, std::fmin(127.0f, value)));
  }
  REQUIRE(pair.tflm.Infer(pair.tflm.input(), &output) == Status::kOk);
  CHECK(std::vector<float>(output, output + 4) == expected);
  CHECK(pair.tflm.trainer().input_type() == ScalarType::kInt8);
  CHECK(pair.tflm.trainer().output_type() == ScalarType::kFloat32);
  const PlanReader& plan = pair.tflm.trainer().plan();
  const ProgramRecord& whole = *plan.program(ProgramKind::kTrain, ForwardKind::kTflm);
  const TypedMemory input = pair.tflm.tensor(plan.values(whole)[whole.input].tensor);
  CHECK(input.type == ScalarType::kInt8);
  CHECK(input.bytes() == elements);
  CHECK(input.data == stored);
  CHECK(input.floats() == nullptr);
  REQUIRE(input.quantization != nullptr);
  CHECK(input.quantization->zero_point == 3);
  REQUIRE(input.quantization->scale_count == 1);
  CHECK(FloatOf(plan.words()[input.quantization->scale_begin]) == 0.04f);
  const TypedMemory result = pair.tflm.tensor(plan.values(whole)[whole.output].tensor);
  CHECK(result.floats() == output);
  CHECK(result.quantization == nullptr);
  std::vector<float> broken = sample.input;
  broken[3] = NAN;
  CHECK(pair.tflm.Infer(broken.data(), &output) == Status::kNonFinite);
}

TEST_CASE("a model that trains in int8 takes numbers, or what its input stores, of which there is no copy") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair numbers("int8_dense_int16-master"), integers("int8_dense_int16-master");
  REQUIRE(numbers.InitTflm(resolver) == Status::kOk);
  REQUIRE(integers.InitTflm(resolver) == Status::kOk);
  CHECK(integers.tflm.trainer().input_type() == ScalarType::kInt8);
  const uint32_t elements = integers.tflm.trainer().input_elements();
  for (const Sample& sample : Samples(20, elements, 4)) {
    StepResult of_numbers = {}, of_integers = {};
    REQUIRE(numbers.tflm.Step(sample.input.data(), Label::Class(sample.label), &of_numbers) == Status::kOk);
    auto* stored = static_cast<int8_t*>(integers.tflm.raw_input());
    for (uint32_t i = 0; i < elements; ++i) {
      const float value = std::round(sample.input[i] / 0.03f) - 4.0f;
      stored[i] = static_cast<int8_t>(std::fmax(-128.0f, std::fmin(127.0f, value)));
    }
    const float* input = integers.tflm.input();
    REQUIRE(integers.tflm.Step(input, Label::Class(sample.label), &of_integers) == Status::kOk);
    CHECK(of_numbers.loss == of_integers.loss);
  }
}

TEST_CASE("a sample starts from the states of the model, a stream goes on") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair pair("lstm");
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  const auto samples = Samples(2, pair.tflm.trainer().input_elements(), 4);
  const auto infer = [&](const Sample& sample) {
    const float* output = nullptr;
    REQUIRE(pair.tflm.Infer(sample.input.data(), &output) == Status::kOk);
    return std::vector<float>(output, output + 4);
  };
  const auto once = infer(samples[0]);
  infer(samples[1]);
  CHECK(infer(samples[0]) == once);
  pair.tflm.KeepStates(true);
  CHECK(infer(samples[0]) != once);
}

TEST_CASE("exactly the stated arena trains a head on TFLM's body, 16 bytes less does not") {
  for (const std::string name : {"lstm", "int8"}) {
    CAPTURE(name);
    Resolver resolver;
    AddAllCases(&resolver);
    Pair large(name);
    REQUIRE(large.InitTflm(resolver) == Status::kOk);
    const size_t used = large.tflm.arena_used_bytes();
    Pair exact(name, used);
    REQUIRE(exact.InitTflm(resolver) == Status::kOk);
    Pair less(name, used - kTflmAlignment);
    CHECK(less.InitTflm(resolver) == Status::kArenaTooSmall);
    const PlanReader& plan = large.tflm.trainer().plan();
    const size_t stated =
        plan.defaults().persistent_bytes + plan.program(ProgramKind::kTrainFromCut, ForwardKind::kNative)->arena_bytes;
    const auto init = [&](size_t size) {
      Memory arena(size);
      Trainer head;
      return head.InitFromCut(large.native_model.data(), large.native_model.size(), large.operators, arena.data(),
                              size);
    };
    CHECK(init(stated) == Status::kOk);
    CHECK(init(stated - 1) == Status::kArenaTooSmall);
  }
}

TEST_CASE("calls at the cut that cannot be answered are refused") {
  Resolver resolver;
  AddAllCases(&resolver);
  const float* activation = nullptr;
  std::vector<float> values(4096, 0.5f);
  SUBCASE("the plan has no cut") {
    Pair pair("cnn_dense");
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    CHECK(pair.tflm.cut_elements() == 0);
    CHECK(pair.tflm.RunBody(values.data(), &activation) == Status::kNoProgram);
    CHECK(pair.tflm.StepFromCut(values.data(), Label::Class(0)) == Status::kNoProgram);
    CHECK(pair.native.InitFromCut(pair.native_model.data(), pair.native_model.size(), pair.operators,
                                  pair.native_arena.data(), pair.native_arena.size()) == Status::kNoProgram);
  }
  SUBCASE("null, in the arena, or not finite") {
    Pair pair("cnn_cut");
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    CHECK(pair.tflm.RunBody(nullptr, &activation) == Status::kInvalidArgument);
    CHECK(pair.tflm.RunBody(values.data(), nullptr) == Status::kInvalidArgument);
    CHECK(pair.tflm.StepFromCut(nullptr, Label::Class(0)) == Status::kInvalidArgument);
    REQUIRE(pair.tflm.RunBody(values.data(), &activation) == Status::kOk);
    CHECK(pair.tflm.StepFromCut(activation, Label::Class(0)) == Status::kInvalidArgument);  // not copied
    values[1] = NAN;
    CHECK(pair.tflm.StepFromCut(values.data(), Label::Class(0)) == Status::kNonFinite);
  }
}

}  // namespace
}  // namespace tflm_train
