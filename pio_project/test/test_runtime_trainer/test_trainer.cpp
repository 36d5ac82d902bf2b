#include <doctest.h>

#include <cmath>
#include <limits>

#include "tflm_train/operators/operators.h"
#include "tflm_train/policies/policies.h"
#include "trainer_fixture.h"

using namespace tflm_train;

namespace {

const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

/// After one step on class 1 at rate 0.1: error (p0, -p0).
float WeightAfterStep(int i) {
  const float error = i < 3 ? kTinyOutput[0] : -kTinyOutput[0];
  return kTinyWeights[i] - 0.1f * error * kTinyInput[i % 3];
}
float BiasAfterStep(int i) { return kTinyBiases[i] - 0.1f * (i == 0 ? kTinyOutput[0] : -kTinyOutput[0]); }

void CheckWeightsAfterStep(Trainer& trainer) {
  for (int i = 0; i < 6; ++i)
    CHECK(trainer.parameter(0).floats()[i] == doctest::Approx(WeightAfterStep(i)).epsilon(1e-6));
  for (int i = 0; i < 2; ++i)
    CHECK(trainer.parameter(1).floats()[i] == doctest::Approx(BiasAfterStep(i)).epsilon(1e-6));
}

void CheckWeightsOfFile(Trainer& trainer) {
  for (int i = 0; i < 6; ++i) CHECK(trainer.parameter(0).floats()[i] == kTinyWeights[i]);
  for (int i = 0; i < 2; ++i) CHECK(trainer.parameter(1).floats()[i] == kTinyBiases[i]);
}

}  // namespace

TEST_CASE("the trainer's size is the same on 32 and 64 bit") {
  CHECK(sizeof(Trainer) == kTrainerBytes);
  CHECK(sizeof(WidePointer<int>) == 8);
}

TEST_CASE("nothing works before Init") {
  Trainer trainer;
  const float* output = nullptr;
  StepResult result;
  CHECK(trainer.Step(kTinyInput, Label::Class(0)) == Status::kNotInitialized);
  CHECK(trainer.Infer(kTinyInput, &output) == Status::kNotInitialized);
  CHECK(trainer.Evaluate(kTinyInput, Label::Class(0), &result) == Status::kNotInitialized);
  CHECK(trainer.Flush() == Status::kNotInitialized);
  CHECK(trainer.Reset() == Status::kNotInitialized);
  CHECK(trainer.SetOptions({}) == Status::kNotInitialized);
  CHECK(trainer.input_elements() == 0);
  CHECK(trainer.output_elements() == 0);
  CHECK(trainer.parameter_count() == 0);
  CHECK(trainer.parameter(0).floats() == nullptr);
  CHECK(trainer.gradient(0) == nullptr);
}

TEST_CASE("inference by hand") {
  TinyTrainer tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  CHECK(tiny.trainer.input_elements() == 3);
  CHECK(tiny.trainer.output_elements() == 2);
  CHECK(tiny.trainer.parameter_count() == 2);
  CHECK(tiny.trainer.parameter(1).tensor == 2);
  CHECK(tiny.trainer.parameter(0).elements == 6);
  CHECK(tiny.trainer.parameter(2).floats() == nullptr);
  const float* output = nullptr;
  REQUIRE(tiny.trainer.Infer(kTinyInput, &output) == Status::kOk);
  for (int i = 0; i < 2; ++i) CHECK(output[i] == doctest::Approx(kTinyOutput[i]).epsilon(1e-6));
  CHECK(tiny.trainer.Infer(kTinyInput, nullptr) == Status::kInvalidArgument);
  CHECK(tiny.trainer.Infer(nullptr, &output) == Status::kInvalidArgument);
}

TEST_CASE("one step by hand") {
  TinyTrainer tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  StepResult evaluated, result;
  REQUIRE(tiny.trainer.Evaluate(kTinyInput, Label::Class(1), &evaluated) == Status::kOk);
  CheckWeightsOfFile(tiny.trainer);
  REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(1), &result) == Status::kOk);
  CHECK(result.loss == doctest::Approx(0.798139).epsilon(1e-6));
  CHECK(evaluated.loss == result.loss);
  CHECK(result.correct == 0);
  CheckWeightsAfterStep(tiny.trainer);
#if TFLM_TRAIN_COUNTERS
  const WorkCounters& work = tiny.trainer.counters();
  CHECK(work.forward == 12);  // twice 6
  CHECK(work.input_error == 0);
  CHECK(work.weight_gradient == 6);
  CHECK(work.update == 8);
  CHECK(work.selection == 0);
#endif
}

TEST_CASE("a vector trains like the class that it names") {
  TinyTrainer tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  const float one_hot[] = {0.0f, 1.0f};
  REQUIRE(tiny.trainer.Step(kTinyInput, Label::Vector(one_hot)) == Status::kOk);
  CheckWeightsAfterStep(tiny.trainer);
}

TEST_CASE("accumulation applies the mean of the group") {
  TinyPlan plan;
  plan.defaults.options.accumulate = 2;
  TinyTrainer tiny(plan);
  REQUIRE(tiny.Init() == Status::kOk);
  REQUIRE(tiny.trainer.gradient(0) != nullptr);
  REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
  CheckWeightsOfFile(tiny.trainer);
  for (int i = 0; i < 6; ++i) {
    const float gradient = (i < 3 ? 1.0f : -1.0f) * kTinyOutput[0] * kTinyInput[i % 3];
    CHECK(tiny.trainer.gradient(0)[i] == doctest::Approx(gradient).epsilon(1e-6));
  }
  CHECK(tiny.trainer.counters().update == 0);
  REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);  // the same sample: the mean is its gradient
  CheckWeightsAfterStep(tiny.trainer);
  CHECK(tiny.trainer.gradient(0)[0] == 0.0f);
#if TFLM_TRAIN_COUNTERS
  CHECK(tiny.trainer.counters().update == 8);
#endif
}

TEST_CASE("Flush and a change of the group's size apply the mean of an unfinished group") {
  for (bool flush : {true, false}) {
    TinyPlan plan;
    plan.defaults.options.accumulate = 5;
    TinyTrainer tiny(plan);
    REQUIRE(tiny.Init() == Status::kOk);
    REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
    REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
    if (flush) {
      CHECK(tiny.trainer.Flush() == Status::kOk);
    } else {
      TrainingOptions options = tiny.trainer.options();
      options.accumulate = 1;
      CHECK(tiny.trainer.SetOptions(options) == Status::kOk);
    }
    CheckWeightsAfterStep(tiny.trainer);
    CHECK(tiny.trainer.Flush() == Status::kOk);  // nothing is left
    CheckWeightsAfterStep(tiny.trainer);
  }
}

TEST_CASE("Reset brings back the weights of the file") {
  TinyTrainer tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  REQUIRE(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
  TrainingOptions options = tiny.trainer.options();
  options.learning_rate = 0.5f;
  REQUIRE(tiny.trainer.SetOptions(options) == Status::kOk);
  REQUIRE(tiny.trainer.Reset() == Status::kOk);
  CheckWeightsOfFile(tiny.trainer);
  CHECK(tiny.trainer.counters().forward == 0);
  CHECK(tiny.trainer.options().learning_rate == 0.5f);
}

TEST_CASE("a selector with ratio 1 equals dense bit for bit") {
  TinyTrainer dense, sparse;
  REQUIRE(dense.Init() == Status::kOk);
  REQUIRE(sparse.Init() == Status::kOk);
  TrainingOptions options = sparse.trainer.options();
  options.selector = SelectorId::kTinyprop;
  options.output_sparse = 1;
  options.s_min = options.s_max = options.damping = options.decay = 1.0f;
  REQUIRE(sparse.trainer.SetOptions(options) == Status::kOk);
  for (int step = 0; step < 20; ++step) {
    REQUIRE(dense.trainer.Step(kTinyInput, Label::Class(step % 2)) == Status::kOk);
    REQUIRE(sparse.trainer.Step(kTinyInput, Label::Class(step % 2)) == Status::kOk);
  }
  CHECK(std::memcmp(dense.trainer.parameter(0).floats(), sparse.trainer.parameter(0).floats(), 24) == 0);
  CHECK(std::memcmp(dense.trainer.parameter(1).floats(), sparse.trainer.parameter(1).floats(), 8) == 0);
}

TEST_CASE("a selector changes only what it selects") {
  TinyTrainer tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  TrainingOptions options = tiny.trainer.options();
  options.selector = SelectorId::kStaticTopk;
  options.output_sparse = 1;
  options.ratio = 0.5f;
  REQUIRE(tiny.trainer.SetOptions(options) == Status::kOk);
  const float target[] = {0.0f, 0.5f};  // error (p0 / 2, p1 / 2 - 0.5): the second is larger
  REQUIRE(tiny.trainer.Step(kTinyInput, Label::Vector(target)) == Status::kOk);
  for (int i = 0; i < 3; ++i) CHECK(tiny.trainer.parameter(0).floats()[i] == kTinyWeights[i]);
  for (int i = 3; i < 6; ++i) CHECK(tiny.trainer.parameter(0).floats()[i] != kTinyWeights[i]);
  CHECK(tiny.trainer.parameter(1).floats()[0] == kTinyBiases[0]);
  CHECK(tiny.trainer.parameter(1).floats()[1] != kTinyBiases[1]);
}

TEST_CASE("NaN and infinity change nothing") {
  TinyTrainer tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  for (float bad : {kNan, kInfinity, -kInfinity}) {
    const float input[] = {1.0f, 2.0f, bad};
    const float vector[] = {bad, 1.0f};
    const float* output = nullptr;
    CHECK(tiny.trainer.Step(input, Label::Class(1)) == Status::kNonFinite);
    CHECK(tiny.trainer.Infer(input, &output) == Status::kNonFinite);
    CHECK(tiny.trainer.Step(kTinyInput, Label::Vector(vector)) == Status::kNonFinite);
    CheckWeightsOfFile(tiny.trainer);
    CHECK(tiny.trainer.counters().update == 0);
  }
  tiny.trainer.parameter(0).floats()[0] = kInfinity;  // the output is NaN
  CHECK(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kNonFinite);
  CHECK(std::strcmp(tiny.trainer.error().Text(), "output") == 0);
  CHECK(tiny.trainer.parameter(0).floats()[1] == kTinyWeights[1]);
  // A loss that overflows.
  TinyPlan plan;
  plan.defaults.loss = static_cast<uint16_t>(LossId::kMeanSquaredError);
  TinyTrainer squared(plan);
  REQUIRE(squared.Init() == Status::kOk);
  const float huge[] = {3e38f, 3e38f};
  CHECK(squared.trainer.Step(kTinyInput, Label::Vector(huge)) == Status::kNonFinite);
  CHECK(std::strcmp(squared.trainer.error().Text(), "loss") == 0);
  CheckWeightsOfFile(squared.trainer);
}

TEST_CASE("labels out of range change nothing") {
  TinyTrainer tiny;
  REQUIRE(tiny.Init() == Status::kOk);
  for (int32_t label : {-1, 2, 1000000}) {
    StepResult result;
    CHECK(tiny.trainer.Step(kTinyInput, Label::Class(label)) == Status::kInvalidLabel);
    CHECK(tiny.trainer.Evaluate(kTinyInput, Label::Class(label), &result) == Status::kInvalidLabel);
  }
  const float scaled[] = {0.0f, 255.0f};  // one-hot, times 255
  CHECK(tiny.trainer.Step(kTinyInput, Label::Vector(scaled)) == Status::kInvalidLabel);
  CheckWeightsOfFile(tiny.trainer);
}

TEST_CASE("options out of range leave the options as they were") {
  TinyPlan plan;
  plan.layers[0].max_selected = 0;
  plan.parameters[0].gradient_offset = plan.parameters[1].gradient_offset = kNoneOffset;
  TinyTrainer tiny(plan);
  REQUIRE(tiny.Init() == Status::kOk);
  const TrainingOptions before = tiny.trainer.options();
  const auto refused = [&](auto change) {
    TrainingOptions options = before;
    change(options);
    const Status status = tiny.trainer.SetOptions(options);
    CHECK(std::memcmp(&tiny.trainer.options(), &before, sizeof before) == 0);
    return status;
  };
  for (float rate : {0.0f, -1.0f, kNan, kInfinity}) {
    CHECK(refused([&](TrainingOptions& o) { o.learning_rate = rate; }) == Status::kInvalidArgument);
  }
  CHECK(refused([](TrainingOptions& o) { o.accumulate = 0; }) == Status::kInvalidArgument);
  CHECK(refused([](TrainingOptions& o) { o.ratio = 2.0f; }) == Status::kInvalidArgument);
  CHECK(refused([](TrainingOptions& o) { o.zero_skip = 2; }) == Status::kInvalidArgument);
  CHECK(refused([](TrainingOptions& o) { o.selector = static_cast<SelectorId>(kSelectorCount); }) ==
        Status::kInvalidArgument);
  CHECK(refused([](TrainingOptions& o) { o.accumulate = 2; }) == Status::kSelectorNeedsPlan);
  CHECK(refused([](TrainingOptions& o) {
          o.selector = SelectorId::kTinyprop;
          o.output_sparse = 1;
        }) == Status::kSelectorNeedsPlan);
  TrainingOptions dense_output = before;
  dense_output.selector = SelectorId::kTinyprop;  // the only layer is the output layer
  CHECK(tiny.trainer.SetOptions(dense_output) == Status::kOk);
}

TEST_CASE("an arena of exactly the planned size works, one byte less does not") {
  TinyTrainer exact, small(WriteTinyModel(TinyPlan()), kTinyArenaBytes - 1), none(WriteTinyModel(TinyPlan()), 0);
  CHECK(exact.Init() == Status::kOk);
  CHECK(small.Init() == Status::kArenaTooSmall);
  CHECK(small.trainer.error().required_bytes == kTinyArenaBytes);
  CHECK(small.trainer.Step(kTinyInput, Label::Class(0)) == Status::kNotInitialized);
  CHECK(none.Init() == Status::kArenaTooSmall);
}

TEST_CASE("pointers that are null or not aligned") {
  TinyTrainer tiny;
  AlignedMemory larger(kTinyArenaBytes + 16);
  Trainer& trainer = tiny.trainer;
  CHECK(trainer.Init(nullptr, 100, tiny.operators, tiny.arena.data(), tiny.arena.size()) == Status::kInvalidArgument);
  CHECK(trainer.Init(tiny.model.data(), tiny.model.size(), tiny.operators, nullptr, 100) == Status::kInvalidArgument);
  CHECK(trainer.Init(tiny.model.data() + 4, tiny.model.size() - 4, tiny.operators, tiny.arena.data(),
                     tiny.arena.size()) == Status::kMisaligned);
  CHECK(trainer.Init(tiny.model.data(), tiny.model.size(), tiny.operators, larger.data() + 4, kTinyArenaBytes) ==
        Status::kMisaligned);
}

TEST_CASE("a missing operator is named") {
  TinyTrainer tiny;
  StaticOperatorSet<2> some;
  REQUIRE(some.Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
  REQUIRE(some.Add(kSoftmax) == Status::kOk);
  Trainer& trainer = tiny.trainer;
  const auto init = [&] {
    return trainer.Init(tiny.model.data(), tiny.model.size(), some, tiny.arena.data(), tiny.arena.size());
  };
  CHECK(init() == Status::kMissingOperator);
  CHECK(std::strcmp(trainer.error().Text(), "FULLY_CONNECTED") == 0);
  CHECK(trainer.error().step == 0);
  REQUIRE(some.Add(kFullyConnectedForward) == Status::kOk);  // no backward function
  CHECK(init() == Status::kMissingOperator);
  CHECK(trainer.error().step == 2);
  REQUIRE(some.Add(kFullyConnected) == Status::kOk);
  CHECK(init() == Status::kOk);
  CHECK(trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
}

TEST_CASE("a loss reads the value that the program names, not its output") {
  TinyPlan plan;
  plan.defaults.loss = static_cast<uint16_t>(LossId::kSoftmaxCrossEntropyFromLogits);
  for (size_t i : {size_t{0}, size_t{1}}) {
    ProgramRecord& program = plan.programs[i];
    program.loss_input = 3;  // the logits, apart from the error that takes their place in the plan as it is
    plan.values[program.value_begin + 3].last_step = 3;
  }
  plan.values[plan.programs[1].value_begin + 5].offset = 48;
  plan.programs[1].arena_bytes = 64;
  TinyTrainer of_logits(WriteTinyModel(plan), kTinyPersistentBytes + 64), of_output;
  REQUIRE(of_logits.Init() == Status::kOk);
  REQUIRE(of_output.Init() == Status::kOk);
  StepResult a, b;
  REQUIRE(of_logits.trainer.Evaluate(kTinyInput, Label::Class(1), &a) == Status::kOk);
  REQUIRE(of_output.trainer.Evaluate(kTinyInput, Label::Class(1), &b) == Status::kOk);
  CHECK(a.loss == doctest::Approx(-std::log(kTinyOutput[1])).epsilon(1e-6));
  CHECK(a.loss == doctest::Approx(b.loss).epsilon(1e-6));
  REQUIRE(of_logits.trainer.Step(kTinyInput, Label::Class(1), &a) == Status::kOk);
  REQUIRE(of_output.trainer.Step(kTinyInput, Label::Class(1), &b) == Status::kOk);
  for (int i = 0; i < 6; ++i) {
    CHECK(of_logits.trainer.parameter(0).floats()[i] ==
          doctest::Approx(of_output.trainer.parameter(0).floats()[i]).epsilon(1e-6));
    CHECK(of_logits.trainer.parameter(0).floats()[i] != kTinyWeights[i]);
  }
  const float* output = nullptr;
  REQUIRE(of_logits.trainer.Reset() == Status::kOk);
  REQUIRE(of_logits.trainer.Infer(kTinyInput, &output) == Status::kOk);
  CHECK(output[0] == doctest::Approx(kTinyOutput[0]).epsilon(1e-6));
}

TEST_CASE("a loss that is not linked is refused") {
  TinyTrainer tiny;
  const auto init = [&tiny](const Loss& loss) {
    StaticOperatorSet<2> operators;
    REQUIRE(operators.Add(loss) == Status::kOk);
    REQUIRE(operators.Add(kFullyConnected) == Status::kOk);
    REQUIRE(operators.Add(kSoftmax) == Status::kOk);
    return tiny.trainer.Init(tiny.model.data(), tiny.model.size(), operators, tiny.arena.data(), tiny.arena.size());
  };
  CHECK(init(kMeanSquaredErrorLoss) == Status::kMissingOperator);
  CHECK(std::strcmp(tiny.trainer.error().Text(), "loss") == 0);
  CHECK(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kNotInitialized);
  CHECK(init(kSoftmaxCrossEntropyLoss) == Status::kOk);
}

TEST_CASE("a selector that is not linked is refused, by a plan and by options") {
  TinyPlan plan;
  for (SelectorId planned : {SelectorId::kDense, SelectorId::kTinyprop}) {
    plan.defaults.options.selector = planned;
    TinyTrainer tiny(plan);
    StaticOperatorSet<2> operators;
    REQUIRE(operators.Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
    REQUIRE(operators.Add(kFullyConnected) == Status::kOk);
    REQUIRE(operators.Add(kSoftmax) == Status::kOk);
    const auto init = [&] {
      return tiny.trainer.Init(tiny.model.data(), tiny.model.size(), operators, tiny.arena.data(), tiny.arena.size());
    };
    if (planned == SelectorId::kTinyprop) {
      CHECK(init() == Status::kMissingOperator);
      CHECK(std::strcmp(tiny.trainer.error().Text(), "selector") == 0);
      operators.Add(kTinypropSelector);
    }
    REQUIRE(init() == Status::kOk);
    TrainingOptions options = tiny.trainer.options();
    options.selector = SelectorId::kStaticTopk;
    CHECK(tiny.trainer.SetOptions(options) == Status::kMissingOperator);
    CHECK(tiny.trainer.options().selector == planned);
    operators.Add(kStaticTopkSelector);
    CHECK(tiny.trainer.SetOptions(options) == Status::kOk);
  }
}

TEST_CASE("an accumulation that is not linked is refused, by a plan and by options") {
  TinyPlan plan;
  for (uint32_t planned : {1u, 2u}) {
    plan.defaults.options.accumulate = planned;
    TinyTrainer tiny(plan);
    StaticOperatorSet<2> operators;
    REQUIRE(operators.Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
    REQUIRE(operators.Add(kFullyConnected) == Status::kOk);
    REQUIRE(operators.Add(kSoftmax) == Status::kOk);
    const auto init = [&] {
      return tiny.trainer.Init(tiny.model.data(), tiny.model.size(), operators, tiny.arena.data(), tiny.arena.size());
    };
    if (planned > 1) {
      CHECK(init() == Status::kMissingOperator);
      CHECK(std::strcmp(tiny.trainer.error().Text(), "accumulation") == 0);
      CHECK(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kNotInitialized);
      operators.Add(kMeanAccumulation);
    }
    REQUIRE(init() == Status::kOk);
    TrainingOptions options = tiny.trainer.options();
    options.accumulate = 4;
    if (planned == 1) {
      CHECK(tiny.trainer.SetOptions(options) == Status::kMissingOperator);
      CHECK(tiny.trainer.options().accumulate == 1);
      operators.Add(kMeanAccumulation);
    }
    CHECK(tiny.trainer.SetOptions(options) == Status::kOk);
    for (int i = 0; i < 3; ++i) CHECK(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
    CHECK(tiny.trainer.parameter(0).floats()[0] == kTinyWeights[0]);
    CHECK(tiny.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
    CHECK(tiny.trainer.parameter(0).floats()[0] != kTinyWeights[0]);
  }
}

TEST_CASE("an operator of one pass trains as the whole one, and is refused where it has no way to the gradients") {
  TinyPlan in_place;
  for (ParameterRecord& parameter : in_place.parameters) parameter.gradient_offset = kNoneOffset;
  TinyPlan of_no_layer = in_place;
  for (StepRecord& step : of_no_layer.steps) step.layer = kNoneIndex;
  TinyPlan frozen = in_place;  // the bias trains
  frozen.parameters.erase(frozen.parameters.begin());
  frozen.layers[0].weight = kNoneIndex;
  frozen.layers[0].bias = 0;
  for (const ProgramRecord& program : frozen.programs) {
    ValueRecord& weights = frozen.values[program.value_begin + 1];
    weights.place = static_cast<uint8_t>(Place::kConstant);
    weights.offset = 1;
    frozen.values[program.value_begin + 2].offset = 0;
  }
  const auto init = [](TinyTrainer* tiny, OperatorSet* operators, const OperatorOf<KernelId::kFullyConnected>& layer) {
    REQUIRE(operators->Add(kSoftmaxCrossEntropyLoss) == Status::kOk);
    REQUIRE(operators->Add(layer) == Status::kOk);
    REQUIRE(operators->Add(kSoftmax) == Status::kOk);
    return tiny->trainer.Init(tiny->model.data(), tiny->model.size(), *operators, tiny->arena.data(),
                              tiny->arena.size());
  };
  for (const TinyPlan& plan : {TinyPlan(), of_no_layer, frozen}) {
    TinyTrainer whole(plan), one_pass(plan);
    StaticOperatorSet<2> some, others;
    CHECK(init(&whole, &some, kFullyConnected) == Status::kOk);
    CHECK(init(&one_pass, &others, kFullyConnectedOnePass) == Status::kMissingOperator);
    CHECK(std::strcmp(one_pass.trainer.error().Text(), "FULLY_CONNECTED") == 0);
    CHECK(one_pass.trainer.error().step == 2);
    CHECK(one_pass.trainer.Step(kTinyInput, Label::Class(1)) == Status::kNotInitialized);
  }
  TinyTrainer whole(in_place), one_pass(in_place);
  StaticOperatorSet<2> some, others;
  REQUIRE(init(&whole, &some, kFullyConnected) == Status::kOk);
  REQUIRE(init(&one_pass, &others, kFullyConnectedOnePass) == Status::kOk);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(whole.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
    REQUIRE(one_pass.trainer.Step(kTinyInput, Label::Class(1)) == Status::kOk);
  }
  for (uint32_t i = 0; i < 2; ++i) {
    const ParameterView expected = whole.trainer.parameter(i), found = one_pass.trainer.parameter(i);
    CHECK(std::memcmp(expected.data, found.data, expected.bytes()) == 0);
  }
  CHECK(one_pass.trainer.parameter(0).floats()[0] != kTinyWeights[0]);
  TrainingOptions options = one_pass.trainer.options();
  options.accumulate = 2;
  CHECK(one_pass.trainer.SetOptions(options) == Status::kSelectorNeedsPlan);
}

TEST_CASE("a plan without a program for this forward pass") {
  for (size_t missing : {size_t{0}, size_t{1}}) {
    TinyPlan plan;
    plan.programs.erase(plan.programs.begin() + static_cast<std::ptrdiff_t>(missing));
    TinyTrainer tiny(plan);
    CHECK(tiny.Init() == Status::kNoProgram);
  }
}
