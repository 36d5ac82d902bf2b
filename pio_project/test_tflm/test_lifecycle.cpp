// What an application does with an interpreter besides training: initialise it again, hand it odd memory, read and
// write weights, change options, run other interpreters beside it.
#include <doctest/doctest.h>

#include "binding_fixture.h"

namespace tflm_train {
namespace {

/// Losses of a few steps; every step must succeed.
std::vector<float> Losses(TrainableInterpreter* interpreter, uint32_t steps = 10) {
  const Trainer& trainer = interpreter->trainer();
  std::vector<float> losses;
  for (const Sample& sample : Samples(steps, trainer.input_elements(), trainer.output_elements())) {
    StepResult result = {};
    REQUIRE(interpreter->Step(sample.input.data(), Label::Class(sample.label), &result) == Status::kOk);
    losses.push_back(result.loss);
  }
  return losses;
}

std::vector<float> FreshLosses(const std::string& name, const tflite::MicroOpResolver& resolver) {
  Pair pair(name);
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  return Losses(&pair.tflm);
}

TEST_CASE("an interpreter can be initialised again, with any model and after any error") {
  Resolver resolver;
  AddAllCases(&resolver);
  const Memory mlp = LoadCase("mlp_dense");
  const Memory cnn = LoadCase("cnn_tinyprop");
  const auto mlp_losses = FreshLosses("mlp_dense", resolver);
  const auto cnn_losses = FreshLosses("cnn_tinyprop", resolver);
  const AllOperators operators;
  Memory arena(1 << 16);
  Memory other_arena(1 << 16);
  TrainableInterpreter interpreter;
  const auto init = [&](const Memory& model, const Memory& memory, size_t size) {
    return interpreter.Init(model.data(), model.size(), resolver, operators, memory.data(), size);
  };
  for (int round = 0; round < 2; ++round) {
    REQUIRE(init(mlp, arena, arena.size()) == Status::kOk);
    CHECK(Losses(&interpreter) == mlp_losses);
    CHECK(init(cnn, arena, 6000) == Status::kArenaTooSmall);
    CHECK(interpreter.Flush() == Status::kNotInitialized);
    CHECK(interpreter.memory().total() == 0);
    REQUIRE(init(cnn, arena, arena.size()) == Status::kOk);
    CHECK(Losses(&interpreter) == cnn_losses);
    CHECK(init(cnn, arena, 100) == Status::kArenaTooSmall);
    REQUIRE(init(mlp, other_arena, other_arena.size()) == Status::kOk);
    CHECK(interpreter.error().status == Status::kOk);
    CHECK(Losses(&interpreter) == mlp_losses);
  }
}

TEST_CASE("before Init, and after one that failed, every call is refused") {
  TrainableInterpreter interpreter;
  Resolver resolver;
  const AllOperators operators;
  for (int round = 0; round < 2; ++round) {
    const std::vector<float> values(64, 0.5f);
    const float* output = nullptr;
    StepResult result = {};
    CHECK(interpreter.Step(values.data(), Label::Class(0)) == Status::kNotInitialized);
    CHECK(interpreter.Infer(values.data(), &output) == Status::kNotInitialized);
    CHECK(interpreter.Evaluate(values.data(), Label::Class(0), &result) == Status::kNotInitialized);
    CHECK(interpreter.Flush() == Status::kNotInitialized);
    CHECK(interpreter.Reset() == Status::kNotInitialized);
    CHECK(interpreter.RunBody(values.data(), &output) == Status::kNotInitialized);
    CHECK(interpreter.StepFromCut(values.data(), Label::Class(0)) == Status::kNotInitialized);
    CHECK(interpreter.cut_elements() == 0);
    CHECK(interpreter.input() == nullptr);
    CHECK(interpreter.tensor(0).data == nullptr);
    CHECK(interpreter.memory().total() == 0);
    CHECK(interpreter.trainer().parameter_count() == 0);
    CHECK(interpreter.trainer().parameter(0).floats() == nullptr);
    CHECK(interpreter.Init(nullptr, 0, resolver, operators, nullptr, 0) != Status::kOk);
  }
}

TEST_CASE("an arena works on 16 bytes and is refused elsewhere") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair pair("cnn_dense");
  const auto expected = FreshLosses("cnn_dense", resolver);
  for (size_t shift = 0; shift <= 32; ++shift) {
    CAPTURE(shift);
    for (const size_t size : {size_t{20000}, size_t{20000} + shift}) {  // its end may lie anywhere
      const Status status = pair.tflm.Init(pair.tflm_model.data(), pair.tflm_model.size(), resolver, pair.operators,
                                           pair.arena.data() + shift, size);
      CHECK(status == (shift % kAlignment == 0 ? Status::kOk : Status::kMisaligned));
      if (status == Status::kOk) CHECK(Losses(&pair.tflm) == expected);
    }
  }
}

TEST_CASE("null arguments are errors that change nothing") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair pair("cnn_last");
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  const std::vector<float> values(pair.tflm.trainer().input_elements(), 0.5f);
  const float* output = nullptr;
  CHECK(pair.tflm.Step(nullptr, Label::Class(0)) == Status::kInvalidArgument);
  CHECK(pair.tflm.Step(values.data(), Label::Class(-1)) == Status::kInvalidLabel);
  CHECK(pair.tflm.Infer(nullptr, &output) == Status::kInvalidArgument);
  CHECK(pair.tflm.Infer(values.data(), nullptr) == Status::kInvalidArgument);
  CHECK(pair.tflm.Evaluate(values.data(), Label::Class(0), nullptr) == Status::kInvalidArgument);
  CHECK(pair.tflm.tensor(-1).data == nullptr);
  CHECK(pair.tflm.tensor(100000).data == nullptr);
  CHECK(Losses(&pair.tflm) == FreshLosses("cnn_last", resolver));
}

TEST_CASE("weights are read and written, options changed, through the interpreter") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair pair("mlp_accumulate");
  REQUIRE(pair.InitNative() == Status::kOk);
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  Trainer& trainer = pair.tflm.trainer();
  const auto samples = Samples(30, trainer.input_elements(), trainer.output_elements());
  TrainingOptions options = trainer.options();
  for (uint32_t i = 0; i < samples.size(); ++i) {
    options.learning_rate = i < 10 ? 0.05f : 0.01f;
    options.accumulate = i % 10 < 5 ? 4 : 1;
    REQUIRE(pair.native.SetOptions(options) == Status::kOk);
    REQUIRE(trainer.SetOptions(options) == Status::kOk);
    StepResult native = {};
    StepResult tflm = {};
    REQUIRE(pair.native.Step(samples[i].input.data(), Label::Class(samples[i].label), &native) == Status::kOk);
    REQUIRE(pair.tflm.Step(samples[i].input.data(), Label::Class(samples[i].label), &tflm) == Status::kOk);
    CHECK(std::fabs(native.loss - tflm.loss) <= 1e-4f * std::fmax(1.0f, native.loss));
  }
  options.learning_rate = -1.0f;
  CHECK(trainer.SetOptions(options) == Status::kInvalidArgument);
  // saved, forgotten, restored: the same output
  REQUIRE(pair.tflm.Flush() == Status::kOk);
  std::vector<std::vector<float>> saved;
  for (uint32_t i = 0; i < trainer.parameter_count(); ++i) {
    saved.emplace_back(trainer.parameter(i).floats(), trainer.parameter(i).floats() + trainer.parameter(i).elements);
  }
  const auto infer = [&] {
    const float* output = nullptr;
    REQUIRE(pair.tflm.Infer(samples[0].input.data(), &output) == Status::kOk);
    return std::vector<float>(output, output + trainer.output_elements());
  };
  const auto trained = infer();
  REQUIRE(pair.tflm.Reset() == Status::kOk);
  CHECK(infer() != trained);
  for (uint32_t i = 0; i < trainer.parameter_count(); ++i) {
    std::memcpy(trainer.parameter(i).floats(), saved[i].data(), sizeof(float) * saved[i].size());
  }
  CHECK(infer() == trained);
}

TEST_CASE("a plain interpreter over the same file runs between the steps") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair pair("cnn_dense");
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  const auto expected = FreshLosses("cnn_dense", resolver);
  Memory stock(1 << 16);
  tflite::MicroInterpreter plain(tflite::GetModel(pair.tflm_model.data()), resolver, stock.data(), stock.size());
  REQUIRE(plain.AllocateTensors() == kTfLiteOk);
  const auto samples = Samples(10, pair.tflm.trainer().input_elements(), pair.tflm.trainer().output_elements());
  std::vector<float> first;
  for (uint32_t i = 0; i < samples.size(); ++i) {
    StepResult result = {};
    REQUIRE(pair.tflm.Step(samples[i].input.data(), Label::Class(samples[i].label), &result) == Status::kOk);
    CHECK(result.loss == expected[i]);
    std::memcpy(plain.input(0)->data.f, samples[0].input.data(), sizeof(float) * samples[0].input.size());
    REQUIRE(plain.Invoke() == kTfLiteOk);
    const float* output = plain.output(0)->data.f;
    if (i == 0) first.assign(output, output + pair.tflm.trainer().output_elements());
    CHECK(std::memcmp(first.data(), output, sizeof(float) * first.size()) == 0);
  }
}

/// A fully connected layer of the application's own that counts what TFLM asks of it.
struct Owning {
  static inline int made = 0;
  static inline int freed = 0;
  static TflmRegistration Register() {
    TflmRegistration registration = tflite::Register_FULLY_CONNECTED();
    registration.init = [](TfLiteContext* context, const char* buffer, size_t length) {
      ++made;
      return tflite::Register_FULLY_CONNECTED().init(context, buffer, length);
    };
    registration.free = [](TfLiteContext*, void*) { ++freed; };
    return registration;
  }
};

TEST_CASE("an operator's data is freed when the interpreter lets go of it") {
  Resolver resolver;
  resolver.AddFullyConnected(Owning::Register());
  // TFLM of 2023 calls it once more when a model is prepared, to reset the operator
  int resets = 0;
  {
    Pair pair("mlp_dense");
    CHECK(pair.InitTflm(resolver) == Status::kMissingOperator);
    CHECK(Owning::made == 0);
    resolver.AddSoftmax();
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    CHECK(Owning::made == 2);
    resets = Owning::freed;
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    CHECK(Owning::made == 4);
    CHECK(Owning::freed == 2 + 2 * resets);
    Losses(&pair.tflm);
    CHECK(Owning::freed == 2 + 2 * resets);
  }
  CHECK(Owning::freed == 4 + 2 * resets);
}

/// A resolver that knows the operators but cannot read their options.
class WithoutParsers : public Resolver {
 public:
  tflite::TfLiteBridgeBuiltinParseFunction GetOpDataParser(tflite::BuiltinOperator) const override { return nullptr; }
  TF_LITE_REMOVE_VIRTUAL_DELETE
};

TEST_CASE("a preparation that stops halfway is an error, not a crash") {
  Pair pair("cnn_dense");
  SUBCASE("before the nodes are known") {
    WithoutParsers resolver;
    AddAllCases(&resolver);
    CHECK(pair.InitTflm(resolver) == Status::kForwardFailed);
  }
  SUBCASE("in a kernel") {
    TflmRegistration failing = tflite::Register_MAX_POOL_2D();
    failing.prepare = [](TfLiteContext*, TfLiteNode*) { return kTfLiteError; };
    Resolver resolver;
    resolver.AddMaxPool2D(failing);
    resolver.AddConv2D();
    resolver.AddFullyConnected();
    resolver.AddReshape();
    resolver.AddSoftmax();
    CHECK(pair.InitTflm(resolver) == Status::kForwardFailed);
  }
  CHECK(std::string(pair.tflm.error().Text()) != "");
  Resolver resolver;
  AddAllCases(&resolver);
  CHECK(pair.InitTflm(resolver) == Status::kOk);
}

TEST_CASE("a kernel that computes nonsense changes no weight") {
  TflmRegistration nonsense = tflite::Register_SOFTMAX();
  nonsense.invoke = [](TfLiteContext* context, TfLiteNode* node) {
    context->GetEvalTensor(context, node->outputs->data[0])->data.f[0] = NAN;
    return kTfLiteOk;
  };
  Resolver resolver;
  resolver.AddFullyConnected();
  resolver.AddSoftmax(nonsense);
  Pair pair("mlp_dense");
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  Trainer& trainer = pair.tflm.trainer();
  const std::vector<float> input(trainer.input_elements(), 0.25f);
  const std::vector<float> weights(trainer.parameter(0).floats(),
                                   trainer.parameter(0).floats() + trainer.parameter(0).elements);
  CHECK(pair.tflm.Step(input.data(), Label::Class(0)) == Status::kNonFinite);
  CHECK(std::memcmp(weights.data(), trainer.parameter(0).floats(), sizeof(float) * weights.size()) == 0);
}

}  // namespace
}  // namespace tflm_train
