// The same file in TFLM's own interpreter: bit for bit the same output, before and after training.
#include <doctest/doctest.h>

#include "binding_fixture.h"

namespace tflm_train {
namespace {

/// Output of a MicroInterpreter as firmware without training uses it.
std::vector<float> PlainOutput(const Memory& model, const std::vector<float>& input) {
  Resolver resolver;
  AddAllCases(&resolver);
  Memory arena(size_t{4} << 20);
  tflite::MicroInterpreter interpreter(tflite::GetModel(model.data()), resolver, arena.data(), arena.size());
  REQUIRE(interpreter.AllocateTensors() == kTfLiteOk);
  std::memcpy(interpreter.input(0)->data.f, input.data(), sizeof(float) * input.size());
  REQUIRE(interpreter.Invoke() == kTfLiteOk);
  const float* output = interpreter.output(0)->data.f;
  return std::vector<float>(output, output + interpreter.output(0)->bytes / sizeof(float));
}

/// Copies the trained weights to where the file keeps them.
void WriteWeights(TrainableInterpreter* interpreter, Memory* model) {
  Trainer& trainer = interpreter->trainer();
  const tflite::Model& file = *tflite::GetModel(model->data());
  for (uint32_t i = 0; i < trainer.parameter_count(); ++i) {
    const uint32_t buffer = file.subgraphs()->Get(0)->tensors()->Get(trainer.parameter(i).tensor)->buffer();
    const auto* bytes = file.buffers()->Get(buffer)->data();
    REQUIRE(bytes->size() == sizeof(float) * trainer.parameter(i).elements);
    std::memcpy(const_cast<uint8_t*>(bytes->data()), trainer.parameter(i).floats(), bytes->size());
  }
}

TEST_CASE("a plain interpreter computes the same bits before and after training") {
  for (const std::string name :
       {"mlp_dense", "cnn_dense", "residual_dense", "separable_dense", "inverted_residual_dense"}) {
    CAPTURE(name);
    Resolver resolver;
    AddAllCases(&resolver);
    Pair pair(name);
    REQUIRE(pair.InitTflm(resolver) == Status::kOk);
    const uint32_t outputs = pair.tflm.trainer().output_elements();
    const auto samples = Samples(20, pair.tflm.trainer().input_elements(), outputs);
    const float* output = nullptr;
    REQUIRE(pair.tflm.Infer(samples[0].input.data(), &output) == Status::kOk);
    const auto untrained = PlainOutput(pair.tflm_model, samples[0].input);
    CHECK(std::memcmp(untrained.data(), output, sizeof(float) * outputs) == 0);
    for (const Sample& sample : samples) {
      REQUIRE(pair.tflm.Step(sample.input.data(), Label::Class(sample.label)) == Status::kOk);
    }
    REQUIRE(pair.tflm.Infer(samples[0].input.data(), &output) == Status::kOk);
    Memory trained(pair.tflm_model);
    WriteWeights(&pair.tflm, &trained);
    const auto plain = PlainOutput(trained, samples[0].input);
    CHECK(std::memcmp(plain.data(), output, sizeof(float) * outputs) == 0);
    CHECK(std::memcmp(plain.data(), untrained.data(), sizeof(float) * outputs) != 0);
    CHECK(std::memcmp(pair.tflm_model.data(), pair.native_model.data(), pair.tflm_model.size()) == 0);
  }
}

}  // namespace
}  // namespace tflm_train
