// The library's float32 kernels in TFLM's own interpreter.
#include <doctest/doctest.h>

#include <chrono>

#include "binding_fixture.h"
#include "tflm_train/tflm/register_f32.h"

namespace tflm_train {
namespace {

void AddOurs(Resolver* resolver) {
  resolver->AddConv2D(Register_CONV_2D_F32());
  resolver->AddDepthwiseConv2D(Register_DEPTHWISE_CONV_2D_F32());
  resolver->AddFullyConnected(Register_FULLY_CONNECTED_F32());
  resolver->AddMaxPool2D();
  resolver->AddAveragePool2D();
  resolver->AddMean();
  resolver->AddAdd();
  resolver->AddReshape();
  resolver->AddSoftmax();
}

double MillisecondsPerInvoke(tflite::MicroInterpreter* interpreter) {
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(interpreter->Invoke() == kTfLiteOk);
    best = std::fmin(best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

TEST_CASE("registered kernels compute what TFLM's compute") {
  for (const std::string name :
       {"mlp_dense", "cnn_dense", "residual_dense", "separable_dense", "inverted_residual_dense"}) {
    CAPTURE(name);
    const Memory model = LoadCase(name);
    Resolver reference;
    Resolver ours;
    AddAllCases(&reference);
    AddOurs(&ours);
    Memory a(size_t{4} << 20);
    Memory b(size_t{4} << 20);
    tflite::MicroInterpreter with_reference(tflite::GetModel(model.data()), reference, a.data(), a.size());
    tflite::MicroInterpreter with_ours(tflite::GetModel(model.data()), ours, b.data(), b.size());
    REQUIRE(with_reference.AllocateTensors() == kTfLiteOk);
    REQUIRE(with_ours.AllocateTensors() == kTfLiteOk);
    CHECK(with_ours.arena_used_bytes() <= with_reference.arena_used_bytes());
    Random random(3);
    double worst = 0.0;
    for (int i = 0; i < 5; ++i) {
      for (size_t k = 0; k < with_ours.input(0)->bytes / sizeof(float); ++k) {
        with_ours.input(0)->data.f[k] = with_reference.input(0)->data.f[k] = random.Normal();
      }
      REQUIRE(with_reference.Invoke() == kTfLiteOk);
      REQUIRE(with_ours.Invoke() == kTfLiteOk);
      const auto outputs = static_cast<uint32_t>(with_ours.output(0)->bytes / sizeof(float));
      worst = std::fmax(worst, ErrorMeasure(with_ours.output(0)->data.f, with_reference.output(0)->data.f, outputs));
    }
    std::printf("%-24s largest error %.1e, %.3f ms with our kernels, %.3f ms with TFLM's\n", name.c_str(), worst,
                MillisecondsPerInvoke(&with_ours), MillisecondsPerInvoke(&with_reference));
    CHECK(worst <= 1e-5);
  }
}

TEST_CASE("training runs on registered kernels too") {
  Resolver ours;
  AddOurs(&ours);
  Pair pair("inverted_residual_dense");
  REQUIRE(pair.InitNative() == Status::kOk);
  REQUIRE(pair.InitTflm(ours) == Status::kOk);
  for (const Sample& sample : Samples(50, pair.native.input_elements(), pair.native.output_elements())) {
    StepResult native = {};
    StepResult tflm = {};
    REQUIRE(pair.native.Step(sample.input.data(), Label::Class(sample.label), &native) == Status::kOk);
    REQUIRE(pair.tflm.Step(sample.input.data(), Label::Class(sample.label), &tflm) == Status::kOk);
    CHECK(std::fabs(native.loss - tflm.loss) <= 1e-4f * std::fmax(1.0f, native.loss));
  }
}

TEST_CASE("a model that the float32 kernels do not take is refused in Prepare") {
  const Memory model = LoadCase("dense_int8");
  Resolver ours;
  AddOurs(&ours);
  Memory arena(1 << 16);
  tflite::MicroInterpreter interpreter(tflite::GetModel(model.data()), ours, arena.data(), arena.size());
  CHECK(interpreter.AllocateTensors() != kTfLiteOk);
}

}  // namespace
}  // namespace tflm_train
