#include <doctest.h>

#include "../test_runtime_trainer/trainer_fixture.h"

using namespace tflm_train;

namespace {

Status InitPlan(const TinyPlan& plan, const ModelFile& file = TinyFile()) {
  TinyTrainer tiny(WriteTinyModel(plan, file));
  return tiny.Init();
}

template <class Change>
Status With(Change change) {
  TinyPlan plan;
  change(plan);
  return InitPlan(plan);
}

// The native training program's records.
ValueRecord& TrainValue(TinyPlan& plan, uint32_t i) { return plan.values[plan.programs[1].value_begin + i]; }
StepRecord& TrainStep(TinyPlan& plan, uint32_t i) { return plan.steps[plan.programs[1].step_begin + i]; }
uint16_t& Argument(TinyPlan& plan, uint32_t step, uint32_t i) {
  return plan.indices[TrainStep(plan, step).value_begin + i];
}

uint8_t Code(Place place) { return static_cast<uint8_t>(place); }
uint8_t Code(Role role) { return static_cast<uint8_t>(role); }

}  // namespace

TEST_CASE("the plan that the refusals start from is accepted") { CHECK(InitPlan(TinyPlan()) == Status::kOk); }

TEST_CASE("files that are no such model") {
  const auto with = [](auto change) {
    ModelFile file = TinyFile();
    change(file);
    return InitPlan(TinyPlan(), file);
  };
  CHECK(with([](ModelFile& f) { f.metadata_name = "TFLM_TRAIN2"; }) == Status::kNoPlan);
  CHECK(with([](ModelFile& f) { f.metadata_name = "TFLM_TRAI"; }) == Status::kNoPlan);
  CHECK(with([](ModelFile& f) { f.metadata_buffer = 9; }) == Status::kInvalidModel);
  CHECK(with([](ModelFile& f) { f.version = 2; }) == Status::kInvalidModel);
  CHECK(with([](ModelFile& f) { f.subgraphs = 2; }) == Status::kInvalidModel);
  CHECK(with([](ModelFile& f) { f.subgraphs = 0; }) == Status::kInvalidModel);
  CHECK(with([](ModelFile& f) { f.external_offset = 100; }) == Status::kInvalidModel);
  CHECK(with([](ModelFile& f) { f.external_offset = 1; }) == Status::kOk);           // by the schema: not external
  CHECK(with([](ModelFile& f) { f.metadata_buffer = 0; }) == Status::kPlanDamaged);  // an empty entry
}

TEST_CASE("a plan for another model") {
  CHECK(With([](TinyPlan& p) { p.fingerprint = 1; }) == Status::kModelMismatch);
  CHECK(With([](TinyPlan& p) { p.weights_crc = 1; }) == Status::kModelMismatch);
  // Trained weights with a new checksum are no other model.
  ModelFile trained = TinyFile();
  trained.buffers[1][0] ^= 1;
  CHECK(InitPlan(TinyPlan(), trained) == Status::kOk);
}

TEST_CASE("header and sections") {
  CHECK(With([](TinyPlan& p) { p.damaged = true; }) == Status::kPlanDamaged);
  CHECK(With([](TinyPlan& p) { p.version = kFormatVersion + 1; }) == Status::kPlanVersion);
  CHECK(With([](TinyPlan& p) { p.more_sections = {{77, 0, 0, 0, 8}}; }) == Status::kOk);  // unknown, optional
  CHECK(With([](TinyPlan& p) { p.more_sections = {{77, kSectionRequired, 0, 0, 8}}; }) == Status::kPlanVersion);
  CHECK(With([](TinyPlan& p) { p.more_sections = {{8, kSectionRequired, 0, 0, 4}}; }) ==
        Status::kPlanInvalid);                                                                     // twice
  CHECK(With([](TinyPlan& p) { p.more_sections = {{77, 0, 8, 4, 4}}; }) == Status::kPlanInvalid);  // in the header
  CHECK(With([](TinyPlan& p) { p.more_sections = {{77, 0, 0, 4, 4}}; }) == Status::kPlanInvalid);  // behind the end
  CHECK(With([](TinyPlan& p) { p.more_sections = {{77, 0, 0xFFFFFFFCu, 8, 4}}; }) == Status::kPlanInvalid);
}

TEST_CASE("defaults") {
  CHECK(With([](TinyPlan& p) { p.defaults.loss = kLossCount; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.defaults.options.selector = static_cast<SelectorId>(kSelectorCount); }) ==
        Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.defaults.options.learning_rate = -1.0f; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.defaults.loss_scale = 0.0f; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.defaults.classes = 0; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.defaults.classes = 3; }) == Status::kPlanInvalid);  // no divisor of the outputs
  CHECK(With([](TinyPlan& p) { p.defaults.options.accumulate = 0; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.defaults.persistent_bytes = 100; }) == Status::kPlanInvalid);  // no multiple of 16
  CHECK(With([](TinyPlan& p) { p.defaults.persistent_bytes = 96; }) == Status::kPlanInvalid);   // state outside
  CHECK(With([](TinyPlan& p) { p.defaults.persistent_bytes = 0xFFFFFFF0u; }) == Status::kPlanInvalid);
  // the table of constants: behind the memory, in the middle of a word, one too long, more than there are words
  CHECK(With([](TinyPlan& p) { p.defaults.constants_offset = kTinyPersistentBytes + 4; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.defaults.constants_offset += 2, --p.defaults.constant_count; }) ==
        Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.defaults.constant_count = 4; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) {
          p.defaults.persistent_bytes = 1 << 20;
          p.defaults.constant_count = 1 << 16;
        }) == Status::kPlanInvalid);
  // the state of a layer in it, which a state from outside would write
  CHECK(With([](TinyPlan& p) { p.defaults.constants_offset = p.layers[0].state_offset; }) == Status::kPlanInvalid);
}

TEST_CASE("parameters and layers") {
  CHECK(With([](TinyPlan& p) { p.parameters[0].tensor = 5; }) == Status::kInvalidModel);
  CHECK(With([](TinyPlan& p) { p.parameters[0].tensor = 0; }) == Status::kPlanInvalid);  // no data in the file
  CHECK(With([](TinyPlan& p) { p.parameters[0].elements = 7; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.parameters[0].arena_offset = 2; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.parameters[0].arena_offset = 104; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.parameters[0].arena_offset = 0xFFFFFFF0u; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.parameters[1].arena_offset = 20; }) == Status::kPlanInvalid);  // over the weight
  CHECK(With([](TinyPlan& p) { p.parameters[1].gradient_offset = 0; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.parameters[0].layer = 1; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.parameters[0].kind = 1; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.parameters[0].type = 1; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.parameters[0].operator_index = 1; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.layers[0].operator_index = 2; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.layers[0].weight = 2; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.layers[0].bias = 0; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.layers[0].candidates = 3; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.layers[0].candidates = p.layers[0].max_selected = 3; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.layers[0].state_offset = 80; }) == Status::kPlanInvalid);  // over a gradient
  CHECK(With([](TinyPlan& p) { p.layers[0].state_offset = 110; }) == Status::kPlanInvalid);
}

TEST_CASE("programs") {
  CHECK(With([](TinyPlan& p) { p.programs[1].value_begin = 13; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].value_count = 0xFFFFFFFFu; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].forward_count = 0xFFFFFFFFu; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].step_begin = 100; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].input = 7; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].input = 1; }) == Status::kPlanInvalid);  // a parameter
  CHECK(With([](TinyPlan& p) { p.programs[1].output = kNoneIndex; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].loss_error = kNoneIndex; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].loss_error = 4; }) == Status::kPlanInvalid);  // no error
  for (size_t program : {size_t{0}, size_t{1}}) {
    const auto reads = [program](uint16_t value, uint32_t wrong_address = 0) {
      return With([=](TinyPlan& p) {
        p.programs[program].loss_input = value;
        p.programs[program].loss_input_address = wrong_address;
      });
    };
    CHECK(reads(4) == Status::kOk);
    CHECK(reads(4, 16) == Status::kPlanInvalid);  // another place
    CHECK(reads(2) == Status::kOk);               // the biases are as many numbers
    CHECK(reads(0) == Status::kPlanInvalid);      // the input has one more
    CHECK(reads(3) == Status::kPlanInvalid);      // the logits are gone
    CHECK(reads(7) == Status::kPlanInvalid);
    CHECK(reads(kNoneIndex) == Status::kPlanInvalid);
  }
  CHECK(With([](TinyPlan& p) { p.programs[1].arena_bytes = 32; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].arena_bytes = 0xFFFFFFF0u; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].last_operator = 2; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].forward_count = 3, p.programs[1].backward_count = 0; }) ==
        Status::kPlanInvalid);  // a backward step among the forward steps
}

TEST_CASE("values") {
  const auto value = [](uint32_t i, auto change) { return With([&](TinyPlan& p) { change(TrainValue(p, i)); }); };
  const Status invalid = Status::kPlanInvalid;
  CHECK(value(3, [](ValueRecord& v) { v.type = 7; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.role = 6; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.place = 4; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.rank = 0; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.rank = 6; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.dims[0] = 0; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.dims[1] = -2; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.dims[0] = v.dims[1] = 0x7FFFFFFF; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.bytes = 4; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.bytes = 12; }) == invalid);
  CHECK(value(6, [](ValueRecord& v) { v.bytes = 6; }) == invalid);  // a scratch
  CHECK(value(3, [](ValueRecord& v) { v.offset = 8; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.offset = 48; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.offset = 0xFFFFFFF0u; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.tensor = 5; }) == invalid);
  CHECK(value(3, [](ValueRecord& v) { v.tensor = -2; }) == invalid);
  CHECK(value(1, [](ValueRecord& v) { v.offset = 1; }) == invalid);                   // another parameter's size
  CHECK(value(1, [](ValueRecord& v) { v.offset = 2; }) == invalid);                   // no such parameter
  CHECK(value(1, [](ValueRecord& v) { v.place = Code(Place::kInput); }) == invalid);  // larger than the input
  const auto constant = [&](uint32_t number, uint32_t tensor) {
    return With([&](TinyPlan& p) {
      TrainValue(p, 2).place = Code(Place::kConstant), TrainValue(p, 2).offset = number;
      if (number < p.constants.size()) p.constants[number] = tensor;
    });
  };
  CHECK(constant(0, 2) == Status::kOk);
  CHECK(constant(2, 2) == Status::kOk);
  CHECK(constant(0, 1) == invalid);  // another size
  CHECK(constant(0, 3) == invalid);  // no data
  CHECK(constant(0, 5) == invalid);  // no such tensor
  CHECK(constant(3, 0) == invalid);  // no such constant
}

TEST_CASE("lifetimes and aliases") {
  const Status invalid = Status::kPlanInvalid;
  // Used before or after its life.
  CHECK(With([](TinyPlan& p) { TrainValue(p, 3).last_step = 0; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 4).first_step = 2; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 5).last_step = 2; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 6).first_step = 4, TrainValue(p, 6).last_step = 3; }) == invalid);
  // The error takes the logits' memory while they live.
  CHECK(With([](TinyPlan& p) { TrainValue(p, 5).first_step = 1; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 6).offset = 0; }) == invalid);
  // Softmax in place: fine as an alias.
  const auto alias = [](TinyPlan& p) {
    TrainValue(p, 4).alias = 3;
    TrainValue(p, 4).offset = 0;
    TrainValue(p, 3).last_step = 2;
    TrainValue(p, 5).offset = 16;
  };
  CHECK(With([&](TinyPlan& p) { alias(p); }) == Status::kOk);
  CHECK(With([&](TinyPlan& p) { alias(p), TrainValue(p, 3).last_step = 1; }) == invalid);  // outlives its owner
  CHECK(With([&](TinyPlan& p) { alias(p), TrainValue(p, 4).offset = 16; }) == invalid);    // outside its owner
  CHECK(With([&](TinyPlan& p) { alias(p), TrainValue(p, 4).alias = 7; }) == invalid);
  CHECK(With([&](TinyPlan& p) { alias(p), TrainValue(p, 3).alias = 4; }) == invalid);  // a circle
  CHECK(With([&](TinyPlan& p) { alias(p), TrainValue(p, 4).alias = 1; }) == invalid);  // of a parameter
  // Memory of a list is never shared.
  CHECK(With([](TinyPlan& p) {
          TrainValue(p, 6).alias = 5;
          TrainValue(p, 6).offset = 0;
        }) == invalid);
}

TEST_CASE("steps") {
  const Status invalid = Status::kPlanInvalid;
  CHECK(With([](TinyPlan& p) { TrainStep(p, 0).kernel = 999; }) == Status::kMissingOperator);
  CHECK(With([](TinyPlan& p) { TrainStep(p, 0).kernel = static_cast<uint16_t>(KernelId::kExternal); }) ==
        invalid);  // EXTERNAL in a native program
  CHECK(With([](TinyPlan& p) { TrainStep(p, 0).phase = 1; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainStep(p, 2).phase = 0; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainStep(p, 0).value_count = 25; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainStep(p, 0).value_begin = 1000; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainStep(p, 0).operator_begin = 0xFFFFFFFFu; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainStep(p, 0).word_begin = 100; }) == invalid);
  CHECK(With([](TinyPlan& p) { Argument(p, 0, 3) = 7; }) == invalid);
  CHECK(With([](TinyPlan& p) { Argument(p, 0, 3) = kNoneIndex; }) == invalid);
  CHECK(With([](TinyPlan& p) { p.indices[TrainStep(p, 0).operator_begin] = 2; }) == invalid);
  CHECK(With([](TinyPlan& p) { p.words[TrainStep(p, 0).word_begin + 3] = 4; }) == invalid);  // no such activation
  CHECK(With([](TinyPlan& p) { Argument(p, 1, 1) = 2; }) == invalid);                        // writes over a parameter
  CHECK(With([](TinyPlan& p) { Argument(p, 2, 4) = 0; }) == invalid);                        // writes over the input
}

TEST_CASE("what is saved for the backward pass is of any type, positions are their kernels' own") {
  CHECK(With([](TinyPlan& p) { TrainValue(p, 3).role = Code(Role::kSaved); }) == Status::kOk);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 4).role = Code(Role::kSaved); }) == Status::kOk);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 3).role = Code(Role::kWinners); }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 6).role = Code(Role::kWinners); }) == Status::kPlanInvalid);  // keys
  CHECK(With([](TinyPlan& p) { TrainValue(p, 6).role = Code(Role::kSaved); }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 5).role = Code(Role::kSaved); }) == Status::kPlanInvalid);  // the error
}

TEST_CASE("addresses are those of the values") {
  const auto changed = [](uint32_t step, uint32_t argument, uint32_t address) {
    return With(
        [&](TinyPlan& p) { p.changed_addresses.push_back({p.programs[1].step_begin + step, argument, address}); });
  };
  const auto address = [](Base base, uint32_t offset) { return static_cast<uint32_t>(base) << kAddressBits | offset; };
  CHECK(changed(0, 0, address(Base::kInput, 0)) == Status::kOk);
  CHECK(changed(0, 0, address(Base::kInput, 4)) == Status::kPlanInvalid);
  CHECK(changed(0, 0, kNoneAddress) == Status::kPlanInvalid);
  CHECK(changed(0, 1, address(Base::kPersistent, 0)) == Status::kOk);
  CHECK(changed(0, 1, address(Base::kPersistent, 32)) == Status::kPlanInvalid);
  CHECK(changed(0, 1, address(Base::kFile, 1)) == Status::kPlanInvalid);
  CHECK(changed(0, 3, address(Base::kProgram, 0)) == Status::kOk);
  CHECK(changed(0, 3, address(Base::kProgram, 16)) == Status::kPlanInvalid);
  CHECK(changed(2, 2, kNoneAddress) == Status::kOk);
  CHECK(changed(2, 2, address(Base::kProgram, 0)) == Status::kPlanInvalid);  // of an absent argument
  CHECK(With([](TinyPlan& p) { p.programs[1].input_address = 4; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].output_address = 16; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].loss_error_address = 16; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].input_elements = 1; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { p.programs[1].output_elements = 1; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 0).offset = 4; }) == Status::kPlanInvalid);  // behind the input's start
  CHECK(With([](TinyPlan& p) { p.defaults.persistent_bytes = 1u << kAddressBits; }) == Status::kPlanInvalid);
  CHECK(With([](TinyPlan& p) {
          p.programs[1].arena_bytes = 0x7FFFFFFFu;
          TrainValue(p, 3).offset = 1u << kAddressBits;
        }) == Status::kPlanInvalid);
}

TEST_CASE("a layer's step") {
  const Status invalid = Status::kPlanInvalid;
  CHECK(With([](TinyPlan& p) { TrainStep(p, 2).layer = 1; }) == invalid);
  CHECK(With([](TinyPlan& p) { Argument(p, 2, 5) = kNoneIndex; }) == invalid);  // no list, though one was planned
  CHECK(With([](TinyPlan& p) { Argument(p, 2, 5) = 5; }) == invalid);           // the list over the error
  CHECK(With([](TinyPlan& p) { TrainValue(p, 6).role = Code(Role::kError); }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 6).dims[0] = 1, TrainValue(p, 6).bytes = 2; }) == invalid);
  CHECK(With([](TinyPlan& p) { TrainValue(p, 1).place = Code(Place::kConstant), TrainValue(p, 1).offset = 1; }) ==
        invalid);                                                               // trains what the step does not read
  CHECK(With([](TinyPlan& p) { Argument(p, 2, 0) = kNoneIndex; }) == invalid);  // weights without their input
}
