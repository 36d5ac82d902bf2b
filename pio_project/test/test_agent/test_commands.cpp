#include <doctest.h>

#include <cstring>

#include "agent_bench.h"
#include "tflm_train/train/trainer.h"

using namespace bench;
using tflm_train::LabelKind;
using tflm_train::ProtocolStatus;
using tflm_train::SampleSource;
using tflm_train::Status;

namespace {

constexpr uint16_t Number(ProtocolStatus status) { return static_cast<uint16_t>(status); }
constexpr uint16_t Number(Status status) { return static_cast<uint16_t>(status); }

/// The same model without an agent.
struct Direct {
  alignas(16) uint8_t arena[8 * 1024];
  tflm_train::AllOperators operators;
  tflm_train::Trainer trainer;
  Direct() {
    REQUIRE(trainer.Init(digits::kMlp.data, digits::kMlp.bytes, operators, arena, digits::kMlp.arena_bytes) ==
            Status::kOk);
  }
  Bytes Weights() {
    Bytes all;
    for (uint32_t i = 0; i < trainer.parameter_count(); ++i) {
      const uint8_t* begin = reinterpret_cast<const uint8_t*>(trainer.parameter(i).floats());
      all.insert(all.end(), begin, begin + 4 * trainer.parameter(i).elements);
    }
    return all;
  }
};

}  // namespace

TEST_CASE("hello tells what the device has") {
  Bench device;
  REQUIRE(device.status == Status::kOk);
  const Reply reply = device.Request(Command::kHello);
  REQUIRE(reply.status == 0);
  CHECK(reply.U32(1) == Bench::kFrames);
  CHECK(reply.U32(2) > 20 * 1024);
  CHECK(reply.U32(2) < 24 * 1024);
  CHECK(reply.U32(3) == 0);
  CHECK(std::string(reply.payload.begin() + 20, reply.payload.end()) == "bench");
}

TEST_CASE("without a model, commands on it are refused") {
  Bench device;
  device.Request(Command::kHello);
  for (int command = 0; command < 128; ++command) {
    const Reply reply = device.Request(static_cast<Command>(command));
    REQUIRE(reply.arrived);
    const bool known_without_model = command == 0x01 || command == 0x03 || (command >= 0x10 && command <= 0x13);
    if (!known_without_model) CHECK(reply.status >= Number(ProtocolStatus::kUnknownCommand));
  }
}

TEST_CASE("steps through the agent are the trainer's, bit for bit") {
  Bench device;
  REQUIRE(device.Load().status == 0);
  Direct direct;
  const Reply described = device.Request(Command::kDescribe);
  CHECK(described.U32(0) == digits::kPixels);
  CHECK(described.U32(1) == digits::kClasses);
  CHECK(described.U32(3) == digits::kMlp.arena_bytes);
  CHECK(described.U32(4) == sizeof(tflm_train::Trainer));
  constexpr auto kFloat = static_cast<uint32_t>(tflm_train::ScalarType::kFloat32);
  CHECK(described.U32(7) == kFloat);
  CHECK(described.U32(8) == digits::kPixels * sizeof(float));
  CHECK(described.U32(9) == kFloat);
  CHECK(described.U32(10) == digits::kClasses * sizeof(float));
  const Reply biases = device.Request(Command::kParameter, Payload().U32(1));
  CHECK(biases.U32(1) == 16);
  CHECK(biases.U32(2) == kFloat);
  CHECK(biases.U32(3) == 16 * sizeof(float));
  for (uint32_t i = 0; i < 60; ++i) {
    const Reply reply = device.Request(Command::kStep, Bench::Sample(i));
    REQUIRE(reply.status == 0);
    float input[digits::kPixels];
    digits::Read(digits::kTraining, i, input);
    tflm_train::StepResult result;
    direct.trainer.Step(input, tflm_train::Label::Class(digits::kTraining.labels[i]), &result);
    CHECK(reply.F32(0) == result.loss);
    CHECK(reply.U32(1) == result.correct);
    CHECK(reply.U32(2) == 1u);
  }
  CHECK(device.Weights() == direct.Weights());
  const Reply counters = device.Request(Command::kCounters);
  CHECK(counters.U32(0) == static_cast<uint32_t>(direct.trainer.counters().forward));
  CHECK(counters.U32(20) == 60);  // steps
}

TEST_CASE("a step may carry a weight, in the frame and staged; other optional fields are refused") {
  Bench device, staged_device;
  REQUIRE(device.Load().status == 0);
  REQUIRE(staged_device.Load().status == 0);
  Direct direct;
  const auto weighted = [](Payload sample, float weight) {
    sample.bytes[2] = tflm_train::kHasWeight;
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(&weight);
    sample.bytes.insert(sample.bytes.begin() + 8, bytes, bytes + sizeof weight);
    return sample;
  };
  for (uint32_t i = 0; i < 30; ++i) {
    const float weight = 0.25f * static_cast<float>(i % 7);
    const uint8_t label = digits::kTraining.labels[i];
    float input[digits::kPixels];
    digits::Read(digits::kTraining, i, input);
    tflm_train::StepResult result;
    direct.trainer.Step(input, tflm_train::Label::Class(label), weight, &result);
    const Reply reply = device.Request(Command::kStep, weighted(Bench::Sample(i), weight));
    REQUIRE(reply.status == 0);
    CHECK(reply.F32(0) == result.loss);
    CHECK(reply.U32(2) == (i % 7 != 0 ? 1u : 0u));
    staged_device.Request(Command::kStage, Payload().U32(0).Floats(input, digits::kPixels));
    const Payload header = Bench::Header(LabelKind::kClass, SampleSource::kStaged, label);
    CHECK(staged_device.Request(Command::kStep, weighted(header, weight)).F32(0) == result.loss);
  }
  CHECK(device.Weights() == direct.Weights());
  CHECK(staged_device.Weights() == direct.Weights());
  CHECK(device.Request(Command::kStep, weighted(Bench::Sample(0), -1.0f)).status == Number(Status::kInvalidArgument));
  const uint16_t bad_length = Number(ProtocolStatus::kBadLength);
  CHECK(device.Request(Command::kEvaluate, weighted(Bench::Sample(0), 1.0f)).status == bad_length);
  Payload unknown = Bench::Sample(0);
  unknown.bytes[2] = 4;
  CHECK(device.Request(Command::kStep, unknown).status == bad_length);
  Payload missing = Bench::Sample(0);
  missing.bytes[2] = tflm_train::kHasWeight;
  CHECK(device.Request(Command::kStep, missing).status == bad_length);
  CHECK(device.Weights() == direct.Weights());
}

TEST_CASE("evaluate and infer change nothing; infer gives the trainer's output") {
  Bench device;
  device.Load();
  const Bytes before = device.Weights();
  CHECK(device.Request(Command::kEvaluate, Bench::Sample(3)).status == 0);
  CHECK(device.Request(Command::kReadOutput, Payload().U32(0).U32(40)).status == Number(ProtocolStatus::kOutOfRange));
  REQUIRE(device.Request(Command::kInfer, Bench::Sample(3, LabelKind::kNone)).status == 0);
  const Reply output = device.Request(Command::kReadOutput, Payload().U32(8).U32(32));
  REQUIRE(output.status == 0);
  Direct direct;
  float input[digits::kPixels];
  digits::Read(digits::kTraining, 3, input);
  const float* expected;
  direct.trainer.Infer(input, &expected);
  CHECK(std::memcmp(output.payload.data(), expected + 2, 8 * sizeof(float)) == 0);
  CHECK(device.Request(Command::kReadOutput, Payload().U32(8).U32(33)).status == Number(ProtocolStatus::kOutOfRange));
  CHECK(device.Weights() == before);
}

TEST_CASE("a staged sample trains like one in the frame; a label may be a vector") {
  // A sample and its label as a vector.
  const auto read = [](uint32_t sample, float* values) {
    digits::Read(digits::kTraining, sample, values);
    const uint8_t label = digits::kTraining.labels[sample];
    values[digits::kPixels + label] = 1.0f;
    return label;
  };
  Bytes weights;
  {
    Bench inline_device, staged_device;
    inline_device.Load();
    staged_device.Load();
    CHECK(staged_device.Request(Command::kStep, Bench::Header(LabelKind::kClass, SampleSource::kStaged, 1)).status ==
          Number(ProtocolStatus::kOutOfRange));  // nothing staged yet
    for (uint32_t i = 0; i < 5; ++i) {
      float values[digits::kPixels + digits::kClasses] = {};
      const uint8_t label = read(i, values);
      inline_device.Request(Command::kStep, Bench::Sample(i));
      staged_device.Request(Command::kStage, Payload().U32(0).Floats(values, 40));
      staged_device.Request(Command::kStage, Payload().U32(160).Floats(values + 40, 24));
      const Payload staged = Bench::Header(LabelKind::kClass, SampleSource::kStaged, label);
      CHECK(staged_device.Request(Command::kStep, staged).status == 0);
    }
    weights = inline_device.Weights();
    CHECK(weights == staged_device.Weights());
    const Payload beyond = Payload().U32(280).Floats(nullptr, 0).F32(1).F32(2).F32(3).F32(4).F32(5);
    CHECK(staged_device.Request(Command::kStage, beyond).status == Number(ProtocolStatus::kOutOfRange));
  }
  Bench vector_device;
  vector_device.Load();
  for (uint32_t i = 0; i < 5; ++i) {
    float values[digits::kPixels + digits::kClasses] = {};
    read(i, values);
    const Payload vector =
        Bench::Header(LabelKind::kVector, SampleSource::kInline, 0).Floats(values, digits::kPixels + digits::kClasses);
    CHECK(vector_device.Request(Command::kStep, vector).status == 0);
  }
  CHECK(weights == vector_device.Weights());
}

TEST_CASE("weights are written, reset brings back the file's") {
  Bench device;
  device.Load();
  const Bytes original = device.Weights();
  CHECK(device.Request(Command::kWriteParameter, Payload().U32(0).U32(20).F32(0.25f).F32(-0.5f)).status == 0);
  const Reply read = device.Request(Command::kReadParameter, Payload().U32(0).U32(16).U32(16));
  CHECK(read.F32(1) == 0.25f);
  CHECK(read.F32(2) == -0.5f);
  CHECK(device.Weights() != original);
  CHECK(device.Request(Command::kReset).status == 0);
  CHECK(device.Weights() == original);
  for (const Payload& bad : {Payload().U32(99).U32(0).F32(1), Payload().U32(0).U32(0xFFFFFFFF).F32(1),
                             Payload().U32(1).U32(60).F32(1).F32(1).F32(1).F32(1).F32(1).F32(1)}) {
    CHECK(device.Request(Command::kWriteParameter, bad).status == Number(ProtocolStatus::kOutOfRange));
  }
  CHECK(device.Weights() == original);
  const uint32_t bytes = static_cast<uint32_t>(original.size());
  for (const Payload& bad : {Payload().U32(0).U32(0).U32(bytes), Payload().U32(0).U32(bytes).U32(1),
                             Payload().U32(0).U32(8).U32(0xFFFFFFFF), Payload().U32(99).U32(0).U32(1)}) {
    CHECK(device.Request(Command::kReadParameter, bad).status == Number(ProtocolStatus::kOutOfRange));
  }
}

TEST_CASE("the state is read in pieces of any length, and brings back what was trained") {
  Bench device;
  device.Load();
  const uint32_t size = Direct().trainer.state_bytes();
  Bytes state;
  state.reserve(size);
  device.Request(Command::kStep, Bench::Sample(0));
  const Bytes trained = device.Weights();
  while (state.size() < size) {
    const auto at = static_cast<uint32_t>(state.size());
    const Reply part = device.Request(Command::kReadState, Payload().U32(at).U32(size - at < 777 ? size - at : 777));
    REQUIRE(part.status == 0);
    state.insert(state.end(), part.payload.begin(), part.payload.end());
  }
  for (const Payload& bad :
       {Payload().U32(size).U32(1), Payload().U32(1).U32(size), Payload().U32(8).U32(0xFFFFFFFF)}) {
    CHECK(device.Request(Command::kReadState, bad).status == Number(ProtocolStatus::kOutOfRange));
  }
  device.Request(Command::kStep, Bench::Sample(1));
  CHECK(device.Weights() != trained);
  for (uint32_t at = 0; at < size; at += 777) {
    const uint32_t count = size - at < 777 ? size - at : 777;
    CHECK(device.Request(Command::kWriteState, Payload().U32(at).Append(state.data() + at, count)).status == 0);
  }
  CHECK(device.Weights() == trained);
  const Payload beyond = Payload().U32(size - 3).U32(0);
  CHECK(device.Request(Command::kWriteState, beyond).status == Number(ProtocolStatus::kOutOfRange));
}

TEST_CASE("a schedule remembers the samples that steps number") {
  constexpr uint32_t kSamples = 3;
  const uint32_t remembered = static_cast<uint32_t>(tflm_train::Schedule::kRememberedLoss);
  const uint16_t out_of_range = Number(ProtocolStatus::kOutOfRange);
  Bench device;
  device.Load();
  const auto numbered = [](uint32_t sample) {
    Payload step = Bench::Sample(0);
    step.bytes[2] = tflm_train::kHasNumber;
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(&sample);
    step.bytes.insert(step.bytes.begin() + 8, bytes, bytes + sizeof sample);
    return step;
  };
  const auto present = [&] { return device.Request(Command::kNextEpoch, Payload().U32(0).U32(kSamples)).payload; };
  CHECK(device.Request(Command::kStep, numbered(0)).status == out_of_range);
  CHECK(device.Request(Command::kNextEpoch, Payload().U32(0).U32(1)).status == out_of_range);
  // all losses below 11.5 are easy
  const Payload schedule = Payload().U32(remembered).U32(kSamples).F32(0.99999f);
  REQUIRE(device.Request(Command::kSchedule, schedule).status == 0);
  CHECK(present() == Bytes{1, 1, 1});
  const Reply step = device.Request(Command::kStep, numbered(1));
  REQUIRE(step.status == 0);
  REQUIRE(step.F32(0) < 11.5f);
  CHECK(device.Request(Command::kStep, numbered(kSamples)).status == out_of_range);
  CHECK(device.Request(Command::kNextEpoch, Payload().U32(2).U32(2)).status == out_of_range);
  CHECK(device.Request(Command::kNextEpoch, Payload().U32(1).U32(0xFFFFFFFFu)).status == out_of_range);
  CHECK(present() == Bytes{1, 0, 1});
  CHECK(present() == Bytes{1, 1, 1});
  REQUIRE(device.Request(Command::kStep, numbered(1)).status == 0);
  REQUIRE(device.Request(Command::kSchedule, schedule).status == 0);  // nothing is remembered any more
  CHECK(present() == Bytes{1, 1, 1});
  CHECK(device.Request(Command::kSchedule, Payload().U32(9).U32(1).F32(0.1f)).status == out_of_range);
  CHECK(device.Request(Command::kSchedule, Payload().U32(remembered).U32(1).F32(1.0f)).status ==
        Number(Status::kInvalidArgument));
  REQUIRE(device.Request(Command::kSchedule, schedule).status == 0);
  REQUIRE(device.Request(Command::kReset).status == 0);
  CHECK(device.Request(Command::kStep, numbered(0)).status == out_of_range);
}

TEST_CASE("a schedule takes what memory there is, and gives it back") {
  const uint32_t remembered = static_cast<uint32_t>(tflm_train::Schedule::kRememberedLoss);
  Bench device;
  device.Load();
  const auto begin = [&](uint32_t samples) {
    return device.Request(Command::kSchedule, Payload().U32(remembered).U32(samples).F32(0.1f));
  };
  const Reply refused = begin(0xFFFFFFFFu);
  REQUIRE(refused.status == Number(ProtocolStatus::kNoMemory));
  const uint32_t all = refused.U32(0);
  for (int i = 0; i < 3; ++i) CHECK(begin(all).status == 0);
  CHECK(device.Request(Command::kStage, Payload().U32(0).F32(1.0f)).status == Number(ProtocolStatus::kNoMemory));
  const Reply more = begin(all + 1);
  CHECK(more.status == Number(ProtocolStatus::kNoMemory));
  CHECK(more.U32(0) == all);
  CHECK(device.Request(Command::kStage, Payload().U32(0).F32(1.0f)).status == 0);
  CHECK(begin(all).status == Number(ProtocolStatus::kNoMemory));  // the staged sample is there
  CHECK(begin(16).status == 0);
}

TEST_CASE("a model whose plan keeps no activations has none to replay") {
  Bench device;
  device.Load();
  const Bytes before = device.Weights();
  CHECK(device.Request(Command::kRemember, Bench::Sample(0)).status == Number(Status::kNotInitialized));
  CHECK(device.Request(Command::kReplay, Payload().U32(0).U32(0xFFFFFFFFu)).status ==
        Number(ProtocolStatus::kOutOfRange));
  CHECK(device.Request(Command::kReplay, Payload().U32(0)).status == Number(ProtocolStatus::kBadLength));
  const Reply drawn = device.Request(Command::kDraw);
  CHECK(drawn.status == 0);
  CHECK(drawn.U32(0) == 0xFFFFFFFFu);
  CHECK(drawn.U32(1) == 0);
  CHECK(device.Request(Command::kForget).status == 0);
  CHECK(device.Weights() == before);
}

TEST_CASE("without a program for it nothing is aligned") {
  Bench device;
  device.Load();
  const Bytes before = device.Weights();
  Payload unlabelled = Bench::Sample(0);
  unlabelled.bytes[0] = static_cast<uint8_t>(LabelKind::kNone);
  CHECK(device.Request(Command::kMeasure, Bench::Sample(0)).status == Number(ProtocolStatus::kBadLength));
  CHECK(device.Request(Command::kMeasure, unlabelled).status == Number(Status::kNotInitialized));
  CHECK(device.Request(Command::kJudge, Bench::Sample(0)).status == Number(Status::kNotInitialized));
  CHECK(device.Request(Command::kAlign, Payload().U32(1).F32(0.0f)).status == Number(Status::kNotInitialized));
  CHECK(device.Request(Command::kAlign, Payload().U32(2).F32(0.0f)).status == Number(ProtocolStatus::kOutOfRange));
  CHECK(device.Request(Command::kAlign, Payload().U32(0)).status == Number(ProtocolStatus::kBadLength));
  CHECK(device.Request(Command::kAlign, Payload().U32(0).F32(0.0f)).status == 0);
  CHECK(device.Weights() == before);
}

TEST_CASE("options are read, changed, and refused as a whole") {
  Bench device;
  device.Load();
  const Reply options = device.Request(Command::kOptions);
  constexpr uint32_t kRate = offsetof(tflm_train::TrainingOptions, learning_rate);
  CHECK(options.payload.size() == sizeof(tflm_train::TrainingOptions));
  CHECK(options.F32(kRate / 4) == doctest::Approx(0.02f));
  Bytes changed = options.payload;
  const float rate = 0.5f;
  std::memcpy(changed.data() + kRate, &rate, 4);
  CHECK(device.Request(Command::kSetOptions, Payload().Append(changed.data(), changed.size())).status == 0);
  CHECK(device.Request(Command::kOptions).payload == changed);
  Bytes wrong = changed;
  wrong[offsetof(tflm_train::TrainingOptions, selector)] = 77;  // there is none
  CHECK(device.Request(Command::kSetOptions, Payload().Append(wrong.data(), wrong.size())).status ==
        Number(Status::kInvalidArgument));
  CHECK(device.Request(Command::kOptions).payload == changed);
}

TEST_CASE("a wrong label and a value that is not finite are the trainer's errors, with a sentence") {
  Bench device;
  device.Load();
  const Bytes before = device.Weights();
  Payload label = Bench::Sample(0);
  label.bytes[4] = 10;
  CHECK(device.Request(Command::kStep, label).status == Number(Status::kInvalidLabel));
  Payload infinite = Bench::Sample(0);
  infinite.bytes[8 + 3] = 0x7F;
  infinite.bytes[8 + 2] = 0x80;
  CHECK(device.Request(Command::kStep, infinite).status == Number(Status::kNonFinite));
  CHECK(device.Weights() == before);
  const Reply sentence = device.Request(Command::kStatusText, Payload().U32(Number(Status::kNonFinite)));
  CHECK(std::string(sentence.payload.begin(), sentence.payload.end()) == StatusText(Status::kNonFinite));
}

TEST_CASE("memory: exactly enough, a model too large, an arena one byte short") {
  Bench device;
  const Reply small = device.Load(digits::kMlp, digits::kMlp.arena_bytes - 1);
  CHECK(small.status == Number(Status::kArenaTooSmall));
  CHECK(small.U32(0) == digits::kMlp.arena_bytes);
  CHECK(device.Request(Command::kStep, Bench::Sample(0)).status == Number(ProtocolStatus::kNoModel));
  CHECK(device.Load().status == 0);

  Bench poor(4 * 1024);
  CHECK(poor.Load().status == Number(ProtocolStatus::kNoMemory));
  Bench no_arena(12 * 1024);
  CHECK(no_arena.Load().status == Number(ProtocolStatus::kNoMemory));
  Bench too_poor(1024);
  CHECK(too_poor.status == Status::kInvalidArgument);
}

TEST_CASE("a load that is refused at once leaves the model and what it has learned") {
  Bench device;
  device.Load();
  device.Request(Command::kStep, Bench::Sample(0));
  const Bytes learned = device.Weights();
  const Reply refused = device.Request(Command::kLoadBegin, Payload().U32(1u << 20).U32(0));
  CHECK(refused.status == Number(ProtocolStatus::kNoMemory));
  CHECK(refused.U32(0) == device.Request(Command::kHello).U32(2));
  CHECK(device.Request(Command::kLoadBegin, Payload().U32(0xFFFFFFFFu).U32(0)).status ==
        Number(ProtocolStatus::kNoMemory));
  CHECK(device.Request(Command::kUseBuiltIn, Payload().U32(8192).U32(0)).status == Number(ProtocolStatus::kNoModel));
  CHECK(device.Weights() == learned);
}

TEST_CASE("no room to stage a sample") {
  Bench device;
  const uint32_t memory = device.Request(Command::kHello).U32(2);
  const uint32_t spare = memory - (digits::kMlp.bytes + 15) / 16 * 16 - (digits::kMlp.arena_bytes + 15) / 16 * 16;
  Bench tight(24 * 1024 - spare);
  REQUIRE(tight.Load().status == 0);
  const Reply refused = tight.Request(Command::kStage, Payload().U32(0).F32(1.0f));
  CHECK(refused.status == Number(ProtocolStatus::kNoMemory));
  CHECK(refused.U32(0) == 0);
  CHECK(tight.Request(Command::kStep, Bench::Sample(0)).status == 0);
}

TEST_CASE("a damaged model is refused") {
  Bench device;
  device.Request(Command::kHello);
  device.Request(Command::kLoadBegin, Payload().U32(8).U32(12345));
  device.Request(Command::kLoadData, Payload().U32(0).U32(1).U32(2));
  CHECK(device.Request(Command::kLoadData, Payload().U32(5).U32(1)).status == Number(ProtocolStatus::kOutOfRange));
  CHECK(device.Request(Command::kLoadEnd, Payload().U32(0).U32(0)).status == Number(ProtocolStatus::kModelDamaged));
  const Bytes garbage(64, 0x5A);
  const uint32_t crc = tflm_train::Crc32Of(garbage.data(), 64);
  device.Request(Command::kLoadBegin, Payload().U32(64).U32(crc));
  device.Request(Command::kLoadData, Payload().U32(0).Append(garbage.data(), 64));
  CHECK(device.Request(Command::kLoadEnd, Payload().U32(1024).U32(0)).status == Number(Status::kInvalidModel));
}

TEST_CASE("a built-in model needs no loading") {
  Bench device(16 * 1024, true);
  const Reply hello = device.Request(Command::kHello);
  CHECK(hello.U32(3) == digits::kMlp.bytes);
  CHECK(hello.U32(4) == tflm_train::Crc32Of(digits::kMlp.data, digits::kMlp.bytes));
  CHECK(device.Request(Command::kUseBuiltIn, Payload().U32(digits::kMlp.arena_bytes).U32(0)).status == 0);
  CHECK(device.Request(Command::kStep, Bench::Sample(0)).status == 0);
  Bench without;
  without.Request(Command::kHello);
  CHECK(without.Request(Command::kUseBuiltIn, Payload().U32(8192).U32(0)).status == Number(ProtocolStatus::kNoModel));
}
