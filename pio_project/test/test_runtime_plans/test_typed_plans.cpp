#include <doctest.h>

#include <limits>

#include "../test_runtime_trainer/trainer_fixture.h"
#include "tflm_train/policies/policies.h"

using namespace tflm_train;

namespace {

constexpr uint32_t kPositions = 64;  // bytes of the interpreter's program, behind which there is room

/// The tiny plan with more: its weights as int8 with a scale for each output and remainders in the file and in the
/// plan, or an int8 value in the interpreter's program.
struct TypedPlan : TinyPlan {
  ModelFile file = TinyFile();

  TypedPlan() {
    constexpr auto kInt8 = static_cast<uint16_t>(ScalarType::kInt8);
    quantization = {{kInt8, 0, 0, 0, 2}, {kInt8, 0, -128, 2, 1}};  // type, axis, zero point, first scale, scales
    scales = {0.5f, 0.25f, 0.125f};
  }
  ParameterRecord& Weights() { return parameters[0]; }
  /// `code`: of the schema's type.
  TypedPlan& StoreWeights(ScalarType type, uint32_t code) {
    const uint32_t bytes = ScalarBytes(type, 6);
    file.tensors[1].type = code;
    file.buffers[1].assign(bytes, 1);
    Weights().type = static_cast<uint8_t>(type);
    Weights().quantization = 0;
    Weights().remainder_offset = 88;  // behind the gradients, with 8 bytes of room
    quantization[0].type = static_cast<uint16_t>(type);
    for (const ProgramRecord& program : programs) {
      ValueRecord& value = values[program.value_begin + 1];
      value.type = static_cast<uint8_t>(type);
      value.bytes = bytes;
      value.quantization = 0;
    }
    return *this;
  }
  TypedPlan& StoreInt8Weights() { return StoreWeights(ScalarType::kInt8, 9); }
  /// The value, of 2 x 3 elements.
  ValueRecord& AddValue(ScalarType type, uint16_t quantised_as) {
    ValueRecord value = values[programs[2].value_begin];
    value.tensor = -1;
    value.type = static_cast<uint8_t>(type);
    value.dims[0] = 2;
    value.bytes = ScalarBytes(type, 6);
    value.offset = kPositions;
    value.quantization = quantised_as;
    values.push_back(value);
    ++programs[2].value_count;
    programs[2].arena_bytes = kPositions + 32;
    return values.back();
  }
};

/// What Init says of both of the plan's forward passes.
struct Verdict {
  Status status;
  Subject subject;
  bool operator==(const Verdict& other) const { return status == other.status && subject == other.subject; }
};

Verdict VerdictOf(const TypedPlan& plan) {
  TinyTrainer tiny(WriteTinyModel(plan, plan.file));
  AlignedMemory program(kPositions + 32);
  struct : ForwardPass {
    Status Run(uint16_t, uint16_t) override { return Status::kOk; }
  } forward;
  Status status = tiny.Init();
  if (status == Status::kOk) {
    status = tiny.trainer.InitWithForwardPass(tiny.model.data(), tiny.model.size(), tiny.operators, tiny.arena.data(),
                                              tiny.arena.size(), program.data(), program.size(), &forward);
  }
  return {status, tiny.trainer.error().subject};
}

constexpr Verdict kSound = {Status::kOk, Subject::kNone};
constexpr Verdict kUntrainable = {Status::kUnsupportedType, Subject::kParameter};

Verdict Wrong(Subject subject) { return {Status::kPlanInvalid, subject}; }

template <class Change>
Verdict WithInt8Weights(Change change) {
  TypedPlan plan;
  change(plan.StoreInt8Weights());
  return VerdictOf(plan);
}

template <class Change>
Verdict WithValue(ScalarType type, uint16_t quantised_as, Change change) {
  TypedPlan plan;
  change(plan.AddValue(type, quantised_as));
  return VerdictOf(plan);
}

Verdict WithValue(ScalarType type, uint16_t quantised_as) {
  return WithValue(type, quantised_as, [](ValueRecord&) {});
}

}  // namespace

TEST_CASE("weights that are no floats are understood, and refused as what this release does not train") {
  CHECK(VerdictOf(TypedPlan()) == kSound);
  CHECK(VerdictOf(TypedPlan().StoreInt8Weights()) == kUntrainable);
  CHECK(VerdictOf(TypedPlan().StoreWeights(ScalarType::kInt16, 7)) == kUntrainable);
  TypedPlan numbers;  // not quantised, one plane
  numbers.StoreInt8Weights().Weights().quantization = kNoneIndex;
  numbers.Weights().remainder_offset = kNoneOffset;
  CHECK(VerdictOf(numbers) == kUntrainable);
  TypedPlan biases;
  biases.file.tensors[2].type = 2;  // int32
  biases.parameters[1].type = static_cast<uint8_t>(ScalarType::kInt32);
  CHECK(VerdictOf(biases) == kUntrainable);
  const char* text = StatusText(Status::kUnsupportedType);
  CHECK(std::strstr(text, "type") != nullptr);
  CHECK(std::strcmp(SubjectText(Subject::kQuantization), "quantisation") == 0);
}

TEST_CASE("a firmware of floats refuses records of quantisation, and whoever names one that is not there") {
  TinyPlan floats;
  const auto init = [](const TinyPlan& plan, const ModelFile& file, bool quantised, Subject* subject) {
    TinyTrainer tiny(WriteTinyModel(plan, file));
    StaticOperatorSet<2> operators;
    REQUIRE(operators.Add(kFullyConnected) == Status::kOk);
    REQUIRE(operators.Add(kSoftmax) == Status::kOk);
    REQUIRE(operators.Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
    if (quantised) REQUIRE(operators.Add(kQuantizedStorage) == Status::kOk);
    const Status status =
        tiny.trainer.Init(tiny.model.data(), tiny.model.size(), operators, tiny.arena.data(), tiny.arena.size());
    *subject = tiny.trainer.error().subject;
    return status;
  };
  Subject subject;
  CHECK(init(floats, TinyFile(), false, &subject) == Status::kOk);
  for (bool quantised : {false, true}) {
    CAPTURE(quantised);
    const Status expected = quantised ? Status::kOk : Status::kMissingOperator;
    CHECK(init(TypedPlan(), TinyFile(), quantised, &subject) == expected);  // records that nothing names
    CHECK((quantised || subject == Subject::kQuantization));
    for (uint16_t index : {uint16_t{0}, uint16_t{1}, uint16_t{0xFFFE}}) {
      TinyPlan value = floats, parameter = floats;
      value.values[0].quantization = index;
      CHECK(init(value, TinyFile(), quantised, &subject) == Status::kPlanInvalid);
      CHECK(subject == Subject::kQuantization);
      parameter.parameters[0].quantization = index;
      CHECK(init(parameter, TinyFile(), quantised, &subject) == Status::kPlanInvalid);
      CHECK(subject == Subject::kQuantization);
    }
    TypedPlan integers;  // without a record
    integers.StoreInt8Weights().Weights().quantization = kNoneIndex;
    integers.Weights().remainder_offset = kNoneOffset;
    integers.quantization.clear();
    integers.scales.clear();
    CHECK(init(integers, integers.file, quantised, &subject) == Status::kUnsupportedType);
    CHECK(subject == Subject::kParameter);
  }
}

TEST_CASE("an update rule of floats refuses integers, also beside an update that trains them") {
  constexpr auto kRule = static_cast<OptimizerId>(kOptimizerCount);
  static const Optimizer rule(kRule, [](const ParameterRow&) {}, 0, 0);
  TypedPlan plan;
  plan.StoreInt8Weights().Weights().remainder_offset = kNoneOffset;
  plan.defaults.update = static_cast<uint16_t>(UpdateId::kNearest);
  plan.defaults.optimizer = static_cast<uint16_t>(kRule);
  plan.defaults.optimizer_offset = 88;  // behind the gradients
  TinyTrainer tiny(WriteTinyModel(plan, plan.file));
  StaticOperatorSet<1> operators;
  REQUIRE(operators.Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
  REQUIRE(operators.Add(kNearestUpdate) == Status::kOk);
  REQUIRE(operators.Add(kQuantizedStorage) == Status::kOk);
  REQUIRE(operators.Add(rule) == Status::kOk);
  CHECK(tiny.trainer.Init(tiny.model.data(), tiny.model.size(), operators, tiny.arena.data(), tiny.arena.size()) ==
        Status::kUnsupportedType);
  CHECK(tiny.trainer.error().subject == Subject::kParameter);
}

TEST_CASE("types and planes of parameters") {
  using Plan = TypedPlan&;
  const Verdict parameter = Wrong(Subject::kParameter), memory = Wrong(Subject::kPersistentMemory);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().type = 0; }) == parameter);  // the file holds int8
  CHECK(WithInt8Weights([](Plan p) { p.file.tensors[1].type = 0; }) == parameter);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().type = static_cast<uint8_t>(kScalarTypes); }) == parameter);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().type = 255; }) == parameter);
  CHECK(WithInt8Weights([](Plan p) {
          p.file.tensors[1].type = 10;  // float64: no plan's, and no type of a parameter either
          p.Weights().type = static_cast<uint8_t>(kScalarTypes);
        }) == parameter);
  CHECK(WithInt8Weights([](Plan p) { p.file.buffers[1].resize(5); }) == parameter);
  CHECK(WithInt8Weights([](Plan p) { p.file.buffers[1].resize(24); }) == parameter);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().elements = 24; }) == parameter);
  // the second plane: over the biases, the weights, a gradient, a layer's state, outside, in the table of constants
  CHECK(WithInt8Weights([](Plan p) { p.Weights().remainder_offset = 32; }) == memory);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().remainder_offset = 4; }) == memory);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().remainder_offset = 84; }) == memory);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().remainder_offset = 92; }) == memory);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().remainder_offset = kTinyStateBytes - 4; }) == memory);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().remainder_offset = 0xFFFFFFF0u; }) == memory);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().remainder_offset = 86; }) == memory);     // between words
  CHECK(WithInt8Weights([](Plan p) { p.parameters[1].gradient_offset = 84; }) == memory);  // over the remainders
  CHECK(WithInt8Weights([](Plan p) { p.layers[0].state_offset = 92; }) == memory);
  CHECK(WithInt8Weights([](Plan p) { p.layers[0].state_offset = kNoneOffset; }) == memory);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().arena_offset = kNoneOffset; }) == memory);
  TypedPlan floats;
  floats.Weights().remainder_offset = 88;
  CHECK(VerdictOf(floats) == parameter);  // a float has no remainder
}

TEST_CASE("records of quantisation") {
  const Verdict wrong = Wrong(Subject::kQuantization);
  const auto with = [](auto change) {
    TypedPlan plan;  // nobody names the records
    change(plan);
    return VerdictOf(plan);
  };
  using Plan = TypedPlan&;
  for (float scale : {0.0f, -0.5f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(),
                      -std::numeric_limits<float>::quiet_NaN()}) {
    for (size_t i = 0; i < 3; ++i) CHECK(with([=](Plan p) { p.scales[i] = scale; }) == wrong);
  }
  CHECK(with([](Plan p) { p.quantization[0].type = 0; }) == wrong);
  CHECK(with([](Plan p) { p.quantization[0].type = kScalarTypes; }) == wrong);
  CHECK(with([](Plan p) { p.quantization[0].type = 0xFFFF; }) == wrong);
  CHECK(with([](Plan p) { p.quantization[0].scale_count = 0; }) == wrong);
  CHECK(with([](Plan p) { p.quantization[1].scale_count = 1000; }) == wrong);
  CHECK(with([](Plan p) { p.quantization[1].scale_count = 0xFFFFFFFFu; }) == wrong);
  CHECK(with([](Plan p) { p.quantization[1].scale_begin = 0x7FFFFFFFu; }) == wrong);
  CHECK(with([](Plan p) { p.quantization[1].scale_begin = 1; }) == wrong);  // read twice
  CHECK(with([](Plan p) { std::swap(p.quantization[0], p.quantization[1]); }) == wrong);
}

TEST_CASE("quantisation of a parameter") {
  using Plan = TypedPlan&;
  const Verdict wrong = Wrong(Subject::kQuantization);
  CHECK(WithInt8Weights([](Plan p) { p.Weights().quantization = 2; }) == wrong);  // no such record
  CHECK(WithInt8Weights([](Plan p) { p.quantization[0].zero_point = 127; }) == kUntrainable);
  CHECK(WithInt8Weights([](Plan p) { p.quantization[0].zero_point = 128; }) == wrong);
  CHECK(WithInt8Weights([](Plan p) { p.quantization[0].zero_point = -129; }) == wrong);
  TypedPlan floats;
  floats.Weights().quantization = 0;
  CHECK(VerdictOf(floats) == wrong);
}

TEST_CASE("values of every type") {
  const Verdict value = Wrong(Subject::kValue), wrong = Wrong(Subject::kQuantization);
  for (uint32_t type = 0; type < kScalarTypes; ++type) {
    const auto scalar = static_cast<ScalarType>(type);
    CHECK(WithValue(scalar, kNoneIndex) == kSound);
    CHECK(WithValue(scalar, kNoneIndex, [](ValueRecord& v) { ++v.bytes; }) == value);
    CHECK(WithValue(scalar, kNoneIndex, [](ValueRecord& v) { v.bytes = 3; }) == value);
    TypedPlan quantised;
    quantised.AddValue(scalar, 0);
    quantised.quantization[0].type = static_cast<uint16_t>(scalar);
    CHECK(VerdictOf(quantised) == (scalar == ScalarType::kFloat32 ? wrong : kSound));
    quantised.quantization[0].type = static_cast<uint16_t>(scalar == ScalarType::kInt8 ? 2 : 1);
    CHECK(VerdictOf(quantised) == wrong);
  }
  CHECK(WithValue(ScalarType::kInt8, kNoneIndex, [](ValueRecord& v) { v.type = static_cast<uint8_t>(kScalarTypes); }) ==
        value);
}

TEST_CASE("zero points lie in the range of their type") {
  struct {
    ScalarType type;
    int32_t lowest, highest;
  } ranges[] = {{ScalarType::kInt8, -128, 127},
                {ScalarType::kUint8, 0, 255},
                {ScalarType::kInt16, -32768, 32767},
                {ScalarType::kUint16, 0, 65535},
                {ScalarType::kInt32, INT32_MIN, INT32_MAX}};
  for (const auto& range : ranges) {
    const auto at = [&](int64_t zero_point) {
      TypedPlan plan;
      plan.quantization[0].type = static_cast<uint16_t>(range.type);
      plan.quantization[0].zero_point = static_cast<int32_t>(zero_point);
      return VerdictOf(plan);
    };
    CHECK(at(range.lowest) == kSound);
    CHECK(at(0) == kSound);
    CHECK(at(range.highest) == kSound);
    if (range.type == ScalarType::kInt32) continue;
    for (int64_t outside :
         {int64_t{range.lowest} - 1, int64_t{range.highest} + 1, int64_t{INT32_MIN}, int64_t{INT32_MAX}}) {
      CHECK(at(outside) == Wrong(Subject::kQuantization));
    }
  }
}

TEST_CASE("scales along an axis of a value") {
  const Verdict wrong = Wrong(Subject::kQuantization);
  const auto along = [](uint16_t axis, uint32_t scales) {
    TypedPlan plan;
    plan.AddValue(ScalarType::kInt8, 0);  // of shape [2, 3]
    plan.quantization = {{1, axis, 0, 0, scales}};
    return VerdictOf(plan);
  };
  CHECK(along(0, 2) == kSound);
  CHECK(along(1, 3) == kSound);
  CHECK(along(0, 1) == kSound);
  CHECK(along(0, 3) == wrong);
  CHECK(along(1, 2) == wrong);
  CHECK(along(2, 2) == wrong);  // outside the rank
  CHECK(along(0xFFFF, 1) == wrong);
  CHECK(WithValue(ScalarType::kInt8, 2) == wrong);  // no such record
}

TEST_CASE("a value of a parameter is what the parameter is") {
  TypedPlan plan;
  ValueRecord& value = plan.AddValue(ScalarType::kFloat32, kNoneIndex);
  value.place = static_cast<uint8_t>(Place::kParameter);
  value.offset = 0;
  CHECK(VerdictOf(plan) == kSound);
  value.type = static_cast<uint8_t>(ScalarType::kInt32);
  CHECK(VerdictOf(plan) == Wrong(Subject::kValue));
}

TEST_CASE("parameters as typed memory") {
  TinyTrainer tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  const ParameterView weights = tiny.trainer.parameter(0);
  CHECK(weights.type == ScalarType::kFloat32);
  CHECK(weights.elements == 6);
  CHECK(weights.bytes() == 24);
  CHECK(weights.tensor == 1);
  CHECK(weights.data == tiny.arena.data());
  CHECK(weights.floats() == weights.data);
  CHECK(weights.remainder == nullptr);
  CHECK(weights.quantization == nullptr);
  TypedMemory bytes = weights;
  bytes.type = ScalarType::kInt8;
  CHECK(bytes.bytes() == 6);
  CHECK(bytes.floats() == nullptr);
  CHECK(tiny.trainer.parameter(2).data == nullptr);
  CHECK(tiny.trainer.parameter(2).bytes() == 0);
  CHECK(tiny.trainer.input_type() == ScalarType::kFloat32);
  CHECK(tiny.trainer.output_type() == ScalarType::kFloat32);
}
