// A step with memory of its own for every argument, so that a sanitizer sees every byte that an operator touches.
#pragma once

#include <doctest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tflm_train/operators/all_operators.h"
#include "tflm_train/train/operator.h"

namespace tflm_train {
namespace testing {

class Step final {
 public:
  Step(KernelId kernel, Phase phase) {
    record_.kernel = static_cast<uint16_t>(kernel);
    record_.phase = static_cast<uint8_t>(phase);
    record_.layer = kNoneIndex;
  }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  // Arguments in order. Each returns the step.
  Step& Float(const std::vector<int32_t>& dims, const std::vector<float>& data = {}) {
    Add(dims, ScalarType::kFloat32, 4);
    if (!data.empty()) Set(size() - 1, data);
    return *this;
  }
  Step& Bytes(const std::vector<int32_t>& dims, const std::vector<uint8_t>& data = {}) {
    Add(dims, ScalarType::kUint8, 1);
    if (!data.empty()) std::memcpy(memory_.back()->data(), data.data(), data.size());
    return *this;
  }
  Step& Int8(const std::vector<int32_t>& dims) { return Add(dims, ScalarType::kInt8, 1); }
  Step& Shorts(const std::vector<int32_t>& dims) { return Add(dims, ScalarType::kInt16, 2); }
  Step& Integers(const std::vector<int32_t>& dims) { return Add(dims, ScalarType::kInt32, 4); }
  Step& Keys(int32_t n) { return Add({n}, ScalarType::kUint16, 2); }
  Step& Absent() {
    indices_.push_back(kNoneIndex);
    ++record_.value_count;
    return *this;
  }
  /// The memory of an earlier argument.
  Step& Shared(uint32_t argument) {
    values_.push_back(values_[indices_[argument]]);
    memory_.push_back(memory_[indices_[argument]]);
    return Refer();
  }
  Step& Words(const std::vector<int32_t>& words) {
    for (int32_t word : words) words_.push_back(static_cast<uint32_t>(word));
    record_.word_count = static_cast<uint16_t>(words_.size());
    return *this;
  }
  Step& WordF32(float word) {
    uint32_t bits;
    std::memcpy(&bits, &word, sizeof bits);
    return Words({static_cast<int32_t>(bits)});
  }
  Step& Accumulates(uint32_t mask) {
    record_.accumulate_mask = mask;
    return *this;
  }
  Step& Trains() {
    record_.layer = 0;
    return *this;
  }

  // What a hostile plan may say.
  StepRecord& record() { return record_; }
  ValueRecord& value(uint32_t argument) { return values_[indices_[argument]]; }
  uint32_t& word(uint32_t i) { return words_[i]; }
  void Omit(uint32_t argument) { indices_[argument] = kNoneIndex; }

  uint32_t size() const { return record_.value_count; }
  StepView View() const {
    std::vector<uint32_t> words;
    for (size_t i = indices_.size(); i > 0; --i) {
      const uint32_t index = indices_[i - 1];
      words.push_back(index == kNoneIndex ? kNoneAddress : static_cast<uint32_t>(Base::kFile) << kAddressBits | index);
    }
    words.insert(words.end(), words_.begin(), words_.end());
    program_ = std::make_unique<Program>(*this, std::move(words));
    return {program_->record, *program_};
  }

  void Set(uint32_t argument, const std::vector<float>& data) {
    std::vector<uint8_t>& bytes = *memory_[indices_[argument]];
    REQUIRE(bytes.size() == data.size() * sizeof(float));
    std::memcpy(bytes.data(), data.data(), bytes.size());
  }
  template <class T = float>
  std::vector<T> Get(uint32_t argument) const {
    const std::vector<uint8_t>& bytes = *memory_[indices_[argument]];
    std::vector<T> data(bytes.size() / sizeof(T));
    std::memcpy(data.data(), bytes.data(), bytes.size());
    return data;
  }

  Status Check(const Operator& op) const { return op.check(View()); }
  /// Checks and runs a forward step or a hook.
  WorkCounters Forward(const Operator& op) const {
    REQUIRE(Check(op) == Status::kOk);
    WorkCounters work;
    op.forward(View(), work);
    return work;
  }
  /// Checks and runs a backward step that trains nothing.
  WorkCounters Backward(const Operator& op, bool zero_skip = true) const {
    REQUIRE(Check(op) == Status::kOk);
    WorkCounters work;
    BackwardContext context = {};
    context.dense = Selection::Dense(zero_skip);
    context.work = &work;
    op.backward(View(), context);
    return work;
  }

 private:
  /// The step as an operator sees it: addresses of the arguments in front of the constants.
  class Program final : public ProgramView {
   public:
    Program(const Step& step, std::vector<uint32_t> words)
        : ProgramView(step.values_.data(), step.indices_.data(), words.data()),
          record(step.record_),
          words_(std::move(words)),
          memory_(step.memory_) {
      record.word_begin = static_cast<uint32_t>(words_.size() - step.words_.size());
    }

    StepRecord record;

   private:
    void* File(uint32_t index) const override { return memory_[index]->data(); }

    std::vector<uint32_t> words_;
    const std::vector<std::shared_ptr<std::vector<uint8_t>>>& memory_;
  };

  Step& Add(const std::vector<int32_t>& dims, ScalarType type, uint32_t bytes) {
    ValueRecord value = {};
    value.tensor = -1;
    value.alias = kNoneIndex;
    value.type = static_cast<uint8_t>(type);
    value.place = static_cast<uint8_t>(Place::kArena);
    value.rank = static_cast<uint8_t>(dims.size());
    value.bytes = bytes;
    value.offset = next_offset_;
    for (size_t i = 0; i < dims.size(); ++i) {
      value.dims[i] = dims[i];
      value.bytes *= static_cast<uint32_t>(dims[i]);
    }
    next_offset_ += (value.bytes + kAlignment - 1) / kAlignment * kAlignment;
    values_.push_back(value);
    memory_.push_back(std::make_shared<std::vector<uint8_t>>(value.bytes));
    return Refer();
  }
  Step& Refer() {
    indices_.push_back(static_cast<uint16_t>(values_.size() - 1));
    ++record_.value_count;
    return *this;
  }

  StepRecord record_ = {};
  std::vector<ValueRecord> values_;
  std::vector<uint16_t> indices_;
  std::vector<uint32_t> words_;
  std::vector<std::shared_ptr<std::vector<uint8_t>>> memory_;
  mutable std::unique_ptr<Program> program_;
  uint32_t next_offset_ = 0;
};

inline TrainingOptions DenseOptions() {
  TrainingOptions options = {};
  options.ratio = options.s_max = options.damping = options.decay = 1;
  options.learning_rate = 1;
  options.accumulate = options.zero_skip = 1;
  return options;
}

/// Trains one layer step: the selector, the layer's record, and where gradients go.
struct Training {
  TrainingOptions options = DenseOptions();
  LayerRecord layer = {};
  std::vector<float> bias;
  bool weights_train = true;
  bool bias_trains = true;
  bool zero_skip = true;
  float scale = 1.0f;
  std::vector<float>* gradient = nullptr;  // null: the weights themselves
  WorkCounters work = {};

  void Run(const Operator& op, const Step& step) {
    constexpr uint32_t kWeights = 1, kError = 3;
    REQUIRE(step.Check(op) == Status::kOk);
    const StepView view = step.View();
    layer.candidates = Elements(view.value(kError));
    layer.max_selected = layer.candidates;
    BackwardContext context = {};
    context.layer = &layer;
    float* const weights = gradient != nullptr ? gradient->data() : view.data<float>(kWeights);
    context.weight_target = weights_train ? weights : nullptr;
    context.bias_target = bias_trains ? bias.data() : nullptr;
    context.sink.scale = scale;
    context.dense = Selection::Dense(zero_skip);
    context.work = &work;
    static const AllOperators all;
    context.selector = all.Find<Selector>(options.selector);
    context.sink.options = &options;
    context.sink.persistent = reinterpret_cast<uint8_t*>(&running_maximum_);
    op.backward(view, context);
  }

 private:
  float running_maximum_ = 0;
};

}  // namespace testing
}  // namespace tflm_train
