// The arena holds what the plan states plus TFLM's own share, and nothing that a kernel writes reaches the plan's part.
#include <doctest/doctest.h>

#include "binding_fixture.h"

namespace tflm_train {
namespace {

TEST_CASE("the arena is the plan's memory and TFLM's share") {
  for (const std::string name :
       {"mlp_dense", "cnn_dense", "residual_dense", "separable_dense", "inverted_residual_dense"}) {
    CAPTURE(name);
    Resolver resolver;
    AddAllCases(&resolver);
    Pair pair(name);
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    const PlanReader& plan = pair.tflm.trainer().plan();
    const TflmMemory memory = pair.tflm.memory();
    CHECK(memory.persistent == plan.defaults().persistent_bytes);
    CHECK(memory.program == plan.program(ProgramKind::kTrain, ForwardKind::kTflm)->arena_bytes);
    Memory stock(size_t{4} << 20);
    tflite::MicroInterpreter plain(tflite::GetModel(pair.tflm_model.data()), resolver, stock.data(), stock.size());
    REQUIRE(plain.AllocateTensors() == kTfLiteOk);
    std::printf("%-24s planned %zu + %zu, TFLM's scratch %zu, tail %zu; plain interpreter %zu\n", name.c_str(),
                memory.persistent, memory.program, memory.tflm_scratch, memory.tflm_tail, plain.arena_used_bytes());
    // TFLM keeps no more than its plain interpreter does, but for the copies of its registrations
    CHECK(memory.tflm_tail < plain.arena_used_bytes() + 10 * sizeof(TflmRegistration));
  }
}

TEST_CASE("exactly the stated arena works, less is an error and never a crash") {
  for (const std::string name : {"mlp_dense", "inverted_residual_tinyprop"}) {
    CAPTURE(name);
    Resolver resolver;
    AddAllCases(&resolver);
    size_t used = 0;
    {
      Pair pair(name);
      REQUIRE(pair.InitTflm(resolver) == Status::kOk);
      used = pair.tflm.arena_used_bytes();
    }
    size_t smallest = 0;
    const size_t begin = used > 4096 ? used - 4096 : 0;
    for (size_t size = begin; size <= used; ++size) {
      Pair pair(name, size);
      const Status status = pair.InitTflm(resolver);
      if (status == Status::kOk) {
        if (smallest == 0) smallest = size;
        continue;
      }
      CHECK(smallest == 0);
      CHECK(status == Status::kArenaTooSmall);
      CHECK(pair.tflm.error().required_bytes > size);
      CHECK(pair.tflm.error().required_bytes <= used + kTflmAlignment);
      const Sample sample = {std::vector<float>(4096), 0};
      CHECK(pair.tflm.Step(sample.input.data(), Label::Class(0)) == Status::kNotInitialized);
    }
    std::printf("%-24s stated %zu, smallest that works %zu\n", name.c_str(), used, smallest);
    CHECK(smallest != 0);
    CHECK(used - smallest < kTflmAlignment);
  }
}

/// A kernel that asks for scratch at each of its nodes and soils it: any overlap with the program spoils the training.
template <TflmRegistration (*make_original)()>
class Soiling {
 public:
  static constexpr size_t kBytes = 2000;
  static TflmRegistration Register() {
    nodes_ = 0;
    calls_ = 0;
    TflmRegistration registration = make_original();
    registration.prepare = Prepare;
    registration.invoke = Invoke;
    return registration;
  }

 private:
  static TfLiteStatus Prepare(TfLiteContext* context, TfLiteNode* node) {
    const TfLiteStatus status = make_original().prepare(context, node);
    return status == kTfLiteOk ? context->RequestScratchBufferInArena(context, kBytes, &scratch_[nodes_++]) : status;
  }
  static TfLiteStatus Invoke(TfLiteContext* context, TfLiteNode* node) {
    std::memset(context->GetScratchBuffer(context, scratch_[calls_++ % nodes_]), 0xFF, kBytes);
    return make_original().invoke(context, node);
  }

  static inline int scratch_[8] = {};
  static inline int nodes_ = 0;
  static inline int calls_ = 0;
};

TflmRegistration Conv() { return tflite::Register_CONV_2D(); }
TflmRegistration MaxPool() { return tflite::Register_MAX_POOL_2D(); }
TflmRegistration Dense() { return tflite::Register_FULLY_CONNECTED(); }

TEST_CASE("kernels' scratch overwrites nothing that training needs") {
  Resolver resolver;
  Resolver soiling;
  AddAllCases(&resolver);
  soiling.AddConv2D(Soiling<Conv>::Register());
  soiling.AddMaxPool2D(Soiling<MaxPool>::Register());
  soiling.AddReshape();
  soiling.AddSoftmax();
  soiling.AddFullyConnected(Soiling<Dense>::Register());
  Pair clean("cnn_tinyprop");
  Pair soiled("cnn_tinyprop");
  REQUIRE(clean.InitTflm(resolver) == Status::kOk);
  REQUIRE(soiled.InitTflm(soiling) == Status::kOk);
  CHECK(soiled.tflm.memory().tflm_scratch >= 2000);  // one node's, as they are used one after the other
  const auto samples = Samples(50, clean.tflm.trainer().input_elements(), clean.tflm.trainer().output_elements());
  for (const Sample& sample : samples) {
    StepResult a = {};
    StepResult b = {};
    REQUIRE(clean.tflm.Step(sample.input.data(), Label::Class(sample.label), &a) == Status::kOk);
    REQUIRE(soiled.tflm.Step(sample.input.data(), Label::Class(sample.label), &b) == Status::kOk);
    REQUIRE(a.loss == b.loss);
  }
}

}  // namespace
}  // namespace tflm_train
