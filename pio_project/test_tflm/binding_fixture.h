// What the tests of the binding share: models, samples, kernels of TFLM, a trained pair of devices.
#ifndef TFLM_TRAIN_TEST_TFLM_BINDING_FIXTURE_H_
#define TFLM_TRAIN_TEST_TFLM_BINDING_FIXTURE_H_

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tflm_train/operators/all_operators.h"
#include "tflm_train/tflm/trainable_interpreter.h"

namespace tflm_train {

/// Memory that starts on 16 bytes and ends where it says: a sanitizer sees each byte behind it.
class Memory {
 public:
  explicit Memory(size_t size) : size_(size) {
    if (posix_memalign(&data_, kAlignment, size == 0 ? 1 : size) != 0) std::abort();
    std::memset(data_, 0xA5, size);
  }
  Memory(const Memory& other) : Memory(other.size_) { std::memcpy(data_, other.data_, size_); }
  Memory& operator=(const Memory&) = delete;
  ~Memory() { std::free(data_); }
  uint8_t* data() const { return static_cast<uint8_t*>(data_); }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_;
};

/// A file of the folder that tests/tflm_cases.py has written.
inline Memory LoadCase(const std::string& name) {
  const char* folder = std::getenv("TFLM_TRAIN_CASES");
  const std::string path = std::string(folder == nullptr ? "." : folder) + "/" + name + ".tflite";
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) {
    std::fprintf(stderr, "%s is missing: set TFLM_TRAIN_CASES to the folder that tests/tflm_cases.py has written\n",
                 path.c_str());
    std::exit(1);
  }
  std::fseek(file, 0, SEEK_END);
  Memory model(static_cast<size_t>(std::ftell(file)));
  std::rewind(file);
  if (std::fread(model.data(), 1, model.size(), file) != model.size()) std::abort();
  std::fclose(file);
  return model;
}

using Resolver = tflite::MicroMutableOpResolver<20>;

/// TFLM's kernels for the operators of all cases.
inline void AddAllCases(Resolver* resolver) {
  resolver->AddConv2D();
  resolver->AddDepthwiseConv2D();
  resolver->AddFullyConnected();
  resolver->AddMaxPool2D();
  resolver->AddAveragePool2D();
  resolver->AddMean();
  resolver->AddAdd();
  resolver->AddReshape();
  resolver->AddSqueeze();
  resolver->AddExpandDims();
  resolver->AddTanh();
  resolver->AddShape();
  resolver->AddStridedSlice();
  resolver->AddPack();
  resolver->AddSoftmax();
  resolver->AddUnidirectionalSequenceLSTM();
  resolver->AddQuantize();
  resolver->AddL2Normalization();
  resolver->AddDequantize();
}

/// Random numbers that are the same everywhere (xorshift, sum of uniforms).
class Random {
 public:
  explicit Random(uint32_t seed) : state_(seed * 2654435761u + 1u) {}
  uint32_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  float Normal() {
    float sum = 0.0f;
    for (int i = 0; i < 12; ++i) sum += static_cast<float>(Next() >> 8) / 16777216.0f;
    return sum - 6.0f;
  }

 private:
  uint32_t state_;
};

struct Sample {
  std::vector<float> input;
  int32_t label;
};

/// Clusters, so that there is something to learn.
inline std::vector<Sample> Samples(uint32_t count, uint32_t inputs, uint32_t classes) {
  std::vector<std::vector<float>> centres(classes, std::vector<float>(inputs));
  Random random(7);
  for (auto& centre : centres) {
    for (float& value : centre) value = 0.5f * random.Normal();
  }
  std::vector<Sample> samples(count);
  for (Sample& sample : samples) {
    sample.label = static_cast<int32_t>(random.Next() % classes);
    sample.input = centres[static_cast<size_t>(sample.label)];
    for (float& value : sample.input) value += 0.7f * random.Normal();
  }
  return samples;
}

/// The same model in the library's own forward pass and in TFLM.
class Pair {
 public:
  explicit Pair(const std::string& name, size_t tflm_arena = size_t{4} << 20)
      : native_model(LoadCase(name)), tflm_model(native_model), native_arena(size_t{4} << 20), arena(tflm_arena) {}
  Status InitNative() {
    return native.Init(native_model.data(), native_model.size(), operators, native_arena.data(), native_arena.size());
  }
  Status InitTflm(const tflite::MicroOpResolver& resolver) {
    return tflm.Init(tflm_model.data(), tflm_model.size(), resolver, operators, arena.data(), arena.size());
  }

  AllOperators operators;
  Memory native_model, tflm_model, native_arena, arena;
  Trainer native;
  TrainableInterpreter tflm;
};

/// Error measure: max|a - b| / max(max|b|, 1e-12).
inline double ErrorMeasure(const float* a, const float* b, uint32_t count) {
  double difference = 0.0;
  double size = 1e-12;
  for (uint32_t i = 0; i < count; ++i) {
    difference = std::fmax(difference, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    size = std::fmax(size, std::fabs(static_cast<double>(b[i])));
  }
  return difference / size;
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TEST_TFLM_BINDING_FIXTURE_H_
