// What is wrong is said, before anything runs.
#include <doctest/doctest.h>

#include <new>
#include <type_traits>
#include <utility>

#include "binding_fixture.h"

namespace tflm_train {
namespace {

template <class T, class = void>
struct TakesTemporaryResolver : std::false_type {};
template <class T>
struct TakesTemporaryResolver<T,
                              std::void_t<decltype(std::declval<T&>().Init(
                                  nullptr, size_t{0}, Resolver(), std::declval<OperatorSet&>(), nullptr, size_t{0}))>>
    : std::true_type {};
static_assert(!TakesTemporaryResolver<TrainableInterpreter>::value, "a temporary resolver must not compile");

TEST_CASE("an operator that the resolver lacks is named") {
  Resolver resolver;
  resolver.AddConv2D();
  resolver.AddFullyConnected();
  resolver.AddReshape();
  resolver.AddSoftmax();
  Pair pair("cnn_dense");
  CHECK(pair.InitTflm(resolver) == Status::kMissingOperator);
  CHECK(std::string(pair.tflm.error().Text()) == "MAX_POOL_2D");
  const float* output = nullptr;
  const std::vector<float> input(144);
  CHECK(pair.tflm.Infer(input.data(), &output) == Status::kNotInitialized);
  CHECK(pair.tflm.trainer().Infer(input.data(), &output) == Status::kNotInitialized);
  CHECK(pair.tflm.input() == nullptr);
  CHECK(pair.tflm.error().status == Status::kMissingOperator);
  resolver.AddMaxPool2D();
  CHECK(pair.InitTflm(resolver) == Status::kOk);
}

TEST_CASE("a backward kernel that the operator set lacks is an error of its own") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair pair("cnn_dense");
  StaticOperatorSet<4> none;
  REQUIRE(none.Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
  CHECK(pair.tflm.Init(pair.tflm_model.data(), pair.tflm_model.size(), resolver, none, pair.arena.data(),
                       pair.arena.size()) == Status::kMissingOperator);
}

TEST_CASE("a resolver may go out of scope after Init") {
  alignas(Resolver) unsigned char place[sizeof(Resolver)];
  auto* resolver = new (place) Resolver;
  AddAllCases(resolver);
  Pair pair("cnn_dense");
  Pair kept("cnn_dense");
  REQUIRE(pair.InitTflm(*resolver) == Status::kOk);
  resolver->~Resolver();
  std::memset(place, 0xFF, sizeof place);
  Resolver alive;
  AddAllCases(&alive);
  REQUIRE(kept.InitTflm(alive) == Status::kOk);
  const auto samples = Samples(5, pair.tflm.trainer().input_elements(), pair.tflm.trainer().output_elements());
  for (const Sample& sample : samples) {
    StepResult a = {};
    StepResult b = {};
    REQUIRE(pair.tflm.Step(sample.input.data(), Label::Class(sample.label), &a) == Status::kOk);
    REQUIRE(kept.tflm.Step(sample.input.data(), Label::Class(sample.label), &b) == Status::kOk);
    CHECK(a.loss == b.loss);
  }
}

TEST_CASE("files that cannot train here are refused") {
  Resolver resolver;
  AddAllCases(&resolver);
  SUBCASE("no tflm program") {
    Pair pair("mlp_native_only");
    CHECK(pair.InitNative() == Status::kOk);
    CHECK(pair.InitTflm(resolver) == Status::kNoProgram);
  }
  SUBCASE("no plan") {
    Pair pair("mlp_plain");
    CHECK(pair.InitTflm(resolver) == Status::kNoPlan);
  }
  SUBCASE("int8, which has no plan") {
    Pair pair("dense_int8");
    CHECK(pair.InitTflm(resolver) == Status::kNoPlan);
  }
  SUBCASE("plan of another model") {
    Pair pair("mlp_foreign_plan");
    CHECK(pair.InitTflm(resolver) == Status::kModelMismatch);
  }
  SUBCASE("a tensor that TFLM keeps elsewhere") {
    Pair pair("mlp_variable");
    CHECK(pair.InitTflm(resolver) == Status::kModelMismatch);
    CHECK(std::string(pair.tflm.error().Text()) == "place of a tensor in TFLM");
  }
  SUBCASE("damaged plan") {
    Pair pair("mlp_dense");
    const tflite::Model& file = *tflite::GetModel(pair.tflm_model.data());
    for (const tflite::Metadata* entry : *file.metadata()) {
      if (entry->name()->str() != kMetadataName) continue;
      const auto& plan = *file.buffers()->Get(entry->buffer())->data();
      for (uint32_t i = 0; i < plan.size(); ++i) {
        uint8_t* byte = const_cast<uint8_t*>(plan.data()) + i;
        *byte ^= 0x5A;
        CHECK(pair.InitTflm(resolver) != Status::kOk);
        *byte ^= 0x5A;
      }
    }
    CHECK(pair.InitTflm(resolver) == Status::kOk);
  }
  SUBCASE("misaligned or missing memory") {
    Pair pair("mlp_dense");
    CHECK(pair.tflm.Init(pair.tflm_model.data(), pair.tflm_model.size(), resolver, pair.operators,
                         pair.arena.data() + 4, pair.arena.size() - 4) == Status::kMisaligned);
    CHECK(pair.tflm.Init(nullptr, 0, resolver, pair.operators, pair.arena.data(), pair.arena.size()) ==
          Status::kInvalidArgument);
    CHECK(pair.tflm.Init(pair.tflm_model.data(), pair.tflm_model.size(), resolver, pair.operators, nullptr, 0) ==
          Status::kArenaTooSmall);
    CHECK(pair.tflm.error().required_bytes > 0);
  }
}

TEST_CASE("a sample that is not finite changes nothing") {
  Resolver resolver;
  AddAllCases(&resolver);
  Pair pair("mlp_dense");
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  Trainer& trainer = pair.tflm.trainer();
  std::vector<float> input(trainer.input_elements(), 0.25f);
  const std::vector<float> weights(trainer.parameter(0).floats(),
                                   trainer.parameter(0).floats() + trainer.parameter(0).elements);
  input[3] = INFINITY;
  CHECK(pair.tflm.Step(input.data(), Label::Class(0)) == Status::kNonFinite);
  CHECK(std::memcmp(weights.data(), trainer.parameter(0).floats(), sizeof(float) * weights.size()) == 0);
  input[3] = 0.0f;
  CHECK(pair.tflm.Step(input.data(), Label::Class(100)) == Status::kInvalidLabel);
  CHECK(pair.tflm.Step(input.data(), Label::Class(0)) == Status::kOk);
}

TEST_CASE("a kernel that fails stops the step and changes no weight") {
  TflmRegistration failing = tflite::Register_SOFTMAX();
  failing.invoke = [](TfLiteContext*, TfLiteNode*) { return kTfLiteError; };
  Resolver resolver;
  resolver.AddFullyConnected();
  resolver.AddSoftmax(failing);
  Pair pair("mlp_dense");
  REQUIRE(pair.InitTflm(resolver) == Status::kOk);
  Trainer& trainer = pair.tflm.trainer();
  const std::vector<float> input(trainer.input_elements(), 0.25f);
  const std::vector<float> weights(trainer.parameter(0).floats(),
                                   trainer.parameter(0).floats() + trainer.parameter(0).elements);
  CHECK(pair.tflm.Step(input.data(), Label::Class(0)) == Status::kForwardFailed);
  CHECK(std::memcmp(weights.data(), trainer.parameter(0).floats(), sizeof(float) * weights.size()) == 0);
}

}  // namespace
}  // namespace tflm_train
