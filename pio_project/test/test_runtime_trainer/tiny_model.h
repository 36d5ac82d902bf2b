// A model of one dense layer and softmax with its plan, written by hand: p = softmax(W x + b), 3 inputs, 2 classes.
#ifndef TFLM_TRAIN_TEST_TINY_MODEL_H_
#define TFLM_TRAIN_TEST_TINY_MODEL_H_

#include <cstdint>
#include <cstring>
#include <vector>

#include "model_file.h"
#include "tflm_train/base/crc32.h"
#include "tflm_train/base/float_bits.h"
#include "tflm_train/model/model_view.h"
#include "tflm_train/plan/fingerprint.h"
#include "tflm_train/plan/plan_format.h"
#include "tflm_train/plan/step_view.h"

namespace tflm_train {

inline constexpr float kTinyWeights[6] = {0.1f, 0.2f, 0.3f, -0.1f, 0.0f, 0.4f};
inline constexpr float kTinyBiases[2] = {0.0f, 0.5f};
inline constexpr float kTinyInput[3] = {1.0f, 2.0f, -1.0f};  // z = (0.2, 0)
inline constexpr float kTinyOutput[2] = {0.5498340f, 0.4501660f};
inline constexpr uint32_t kTinyStateBytes = 100;  // behind it there is room for three constants
inline constexpr uint32_t kTinyPersistentBytes = 112;
inline constexpr uint32_t kTinyProgramBytes = 48;
inline constexpr uint32_t kTinyArenaBytes = kTinyPersistentBytes + kTinyProgramBytes;

template <class T>
std::vector<uint8_t> BytesOf(const T* begin, size_t count) {
  std::vector<uint8_t> bytes(count * sizeof(T));
  if (count > 0) std::memcpy(bytes.data(), begin, bytes.size());
  return bytes;
}

/// Records of a plan; `Encode` adds addresses, sizes and checksums. What a program says of its ends is the difference
/// to what is right.
struct TinyPlan {
  DefaultsRecord defaults = {};
  std::vector<ParameterRecord> parameters;
  std::vector<LayerRecord> layers;
  std::vector<ProgramRecord> programs;
  std::vector<ValueRecord> values;
  std::vector<StepRecord> steps;
  std::vector<uint16_t> indices;
  std::vector<uint32_t> words;
  /// Of an argument of a step.
  struct ChangedAddress {
    size_t step;
    uint32_t argument, address;
  };
  std::vector<ChangedAddress> changed_addresses;
  std::vector<SectionRecord> more_sections;      // appended without content
  std::vector<uint32_t> constants = {2, 1, 3};   // tensors: biases, weights, one without data
  std::vector<QuantizationRecord> quantization;  // scale_begin counts from the scales
  std::vector<float> scales;
  uint16_t version = kFormatVersion;
  bool damaged = false;  // wrong checksum
  uint32_t fingerprint = 0;
  uint32_t weights_crc = 0;

  TinyPlan() {
    defaults.loss = static_cast<uint16_t>(LossId::kSoftmaxCrossEntropy);
    defaults.options.zero_skip = 1;
    defaults.options.learning_rate = 0.1f;
    defaults.loss_scale = 1.0f;
    defaults.options.accumulate = 1;
    defaults.options.ratio = defaults.options.s_min = defaults.options.s_max = 0.5f;
    defaults.options.damping = defaults.options.decay = 0.9f;
    defaults.persistent_bytes = kTinyPersistentBytes;
    defaults.constants_offset = kTinyStateBytes;
    defaults.constant_count = static_cast<uint32_t>(constants.size());
    defaults.classes = 2;
    // tensor, elements, weights, gradients, remainders, operator, layer, kind, type, quantisation
    parameters = {{1, 6, 0, 48, kNoneOffset, 0, 0, 0, 0, kNoneIndex},
                  {2, 2, 32, 80, kNoneOffset, 0, 0, 1, 0, kNoneIndex}};
    layers = {{0, 0, 0, 1, 2, 2, 96, kLayerOutput, 3, 2}};
    AddInfer();
    AddTrain(ForwardKind::kNative);
    AddTrain(ForwardKind::kTflm);
  }

  /// A program that aligns the layer: means of its channels, then deviations.
  void AddAlign(const std::vector<float>& statistics, Activation activation = Activation::kNone) {
    programs.push_back(Begin(ProgramKind::kAlign, ForwardKind::kNative));
    AddForwardValues(Place::kInput, 2, 0);
    values.back().first_step = 2;
    values.back().last_step = 3;
    std::vector<uint32_t> step_words = {static_cast<uint32_t>(activation)};
    for (float number : statistics) step_words.push_back(BitsOf(number));
    AddStep(KernelId::kFullyConnected, Phase::kForward, {0, 1, 2, 3}, 0, {1, 3, 2, 0}, kNoneIndex);
    AddStep(KernelId::kAlignChannels, Phase::kForward, {3}, 0, step_words, 0);
    AddStep(KernelId::kSoftmax, Phase::kForward, {3, 4}, 1, {1, 2, 0x3F800000u}, kNoneIndex);
    programs.back().value_count = 5;
    programs.back().forward_count = 3;
    programs.back().arena_bytes = 32;
  }

  std::vector<uint8_t> Encode() const {
    std::vector<SectionRecord> sections;
    std::vector<uint8_t> body;
    const size_t count = 9 + more_sections.size();
    const size_t first = sizeof(PlanHeader) + count * sizeof(SectionRecord);
    const auto add = [&](SectionKind kind, const std::vector<uint8_t>& bytes, size_t record) {
      sections.push_back({static_cast<uint16_t>(kind), kSectionRequired, static_cast<uint32_t>(first + body.size()),
                          static_cast<uint32_t>(bytes.size()), static_cast<uint32_t>(record)});
      body.insert(body.end(), bytes.begin(), bytes.end());
      while (body.size() % 4 != 0) body.push_back(0);
    };
    const auto records = [&](SectionKind kind, const auto& list) {
      add(kind, BytesOf(list.data(), list.size()), sizeof list[0]);
    };
    add(SectionKind::kDefaults, BytesOf(&defaults, 1), sizeof defaults);
    records(SectionKind::kParameters, parameters);
    records(SectionKind::kLayers, layers);
    records(SectionKind::kPrograms, WithEnds());
    records(SectionKind::kValues, values);
    std::vector<uint32_t> all_words = constants;
    std::vector<QuantizationRecord> all_quantization = quantization;
    for (QuantizationRecord& record : all_quantization) record.scale_begin += static_cast<uint32_t>(constants.size());
    for (float scale : scales) all_words.push_back(BitsOf(scale));
    records(SectionKind::kSteps, WithAddresses(&all_words));
    records(SectionKind::kIndices, indices);
    records(SectionKind::kWords, all_words);
    records(SectionKind::kQuantization, all_quantization);
    for (SectionRecord section : more_sections) {
      if (section.offset == 0) section.offset = static_cast<uint32_t>(first + body.size());
      sections.push_back(section);
    }
    PlanHeader header = {};
    header.magic = kPlanMagic;
    header.format_version = version;
    header.header_bytes = sizeof header;
    header.total_bytes = static_cast<uint32_t>(first + body.size());
    header.fingerprint = fingerprint;
    header.weights_crc = weights_crc;
    header.section_count = static_cast<uint32_t>(count);
    std::vector<uint8_t> bytes = BytesOf(&header, 1);
    const std::vector<uint8_t> table = BytesOf(sections.data(), sections.size());
    bytes.insert(bytes.end(), table.begin(), table.end());
    bytes.insert(bytes.end(), body.begin(), body.end());
    FixChecksum(bytes.data());
    if (damaged) bytes.back() ^= 1;
    return bytes;
  }

  /// Makes the checksum of changed bytes right.
  static void FixChecksum(uint8_t* plan) {
    PlanHeader header;
    std::memcpy(&header, plan, sizeof header);
    header.plan_crc = Crc32Of(plan + kPlanCrcBegin, header.total_bytes - kPlanCrcBegin);
    std::memcpy(plan, &header, sizeof header);
  }

 private:
  /// The steps with their words as they are written: addresses of the arguments in front of the constants.
  std::vector<StepRecord> WithAddresses(std::vector<uint32_t>* all_words) const {
    std::vector<StepRecord> result = steps;
    for (size_t i = 0; i < steps.size(); ++i) {
      const ProgramRecord* program = nullptr;
      for (const ProgramRecord& candidate : programs) {
        if (candidate.step_begin <= i) program = &candidate;
      }
      StepRecord& step = result[i];
      for (uint32_t j = step.value_count; j > 0; --j) {
        const size_t place = step.value_begin + j - 1;
        const uint16_t index = place < indices.size() ? indices[place] : kNoneIndex;
        const size_t value = (program != nullptr ? program->value_begin : 0) + index;
        all_words->push_back(index == kNoneIndex || value >= values.size() ? kNoneAddress : Address(values[value]));
      }
      for (const ChangedAddress& changed : changed_addresses) {
        if (changed.step == i) (*all_words)[all_words->size() - 1 - changed.argument] = changed.address;
      }
      const uint32_t begin = step.word_begin;
      const bool inside = begin <= words.size() && step.word_count <= words.size() - begin;
      step.word_begin = inside ? static_cast<uint32_t>(all_words->size()) : begin + 1000;
      if (inside) all_words->insert(all_words->end(), words.begin() + begin, words.begin() + begin + step.word_count);
    }
    return result;
  }
  /// The programs with what they say of their ends.
  std::vector<ProgramRecord> WithEnds() const {
    std::vector<ProgramRecord> result = programs;
    for (ProgramRecord& program : result) {
      const auto value = [&](uint16_t index) {
        const size_t place = size_t{program.value_begin} + index;
        return place < values.size() ? values[place] : ValueRecord{};
      };
      program.input_address ^= Address(value(program.input));
      program.output_address ^= Address(value(program.output));
      program.loss_error_address ^= Address(value(program.loss_error));
      program.loss_input_address ^= Address(value(program.loss_input));
      program.input_elements ^= FloatElements(value(program.input));
      program.output_elements ^= FloatElements(value(program.output));
    }
    return result;
  }
  uint32_t Address(const ValueRecord& value) const {
    constexpr Base kBases[] = {Base::kProgram, Base::kInput, Base::kFile, Base::kPersistent};  // by Place
    const bool parameter = value.place == static_cast<uint8_t>(Place::kParameter);
    const uint32_t offset =
        parameter && value.offset < parameters.size() ? parameters[value.offset].arena_offset : value.offset;
    return static_cast<uint32_t>(kBases[value.place % 4]) << kAddressBits | offset;
  }
  static ValueRecord Value(int32_t tensor, Place place, Role role, uint32_t offset, int32_t rows, int32_t columns,
                           uint16_t first, uint16_t last) {
    ValueRecord value = {};
    value.tensor = tensor;
    value.offset = offset;
    value.bytes = static_cast<uint32_t>(rows * columns) * 4;
    value.first_step = first;
    value.last_step = last;
    value.alias = value.quantization = kNoneIndex;
    value.place = static_cast<uint8_t>(place);
    value.role = static_cast<uint8_t>(role);
    value.rank = 2;
    value.dims[0] = rows;
    value.dims[1] = columns;
    return value;
  }
  void AddStep(KernelId kernel, Phase phase, const std::vector<uint16_t>& arguments, uint16_t op,
               const std::vector<uint32_t>& step_words, uint16_t layer) {
    StepRecord step = {};
    step.kernel = static_cast<uint16_t>(kernel);
    step.phase = static_cast<uint8_t>(phase);
    step.value_count = static_cast<uint8_t>(arguments.size());
    step.value_begin = static_cast<uint32_t>(indices.size());
    indices.insert(indices.end(), arguments.begin(), arguments.end());
    step.operator_begin = static_cast<uint32_t>(indices.size());
    step.operator_count = 1;
    indices.push_back(op);
    step.word_begin = static_cast<uint32_t>(words.size());
    step.word_count = static_cast<uint16_t>(step_words.size());
    words.insert(words.end(), step_words.begin(), step_words.end());
    step.layer = layer;
    steps.push_back(step);
  }
  ProgramRecord Begin(ProgramKind kind, ForwardKind forward) const {
    ProgramRecord program = {};
    program.kind = static_cast<uint16_t>(kind);
    program.forward_kind = static_cast<uint16_t>(forward);
    program.value_begin = static_cast<uint32_t>(values.size());
    program.step_begin = static_cast<uint32_t>(steps.size());
    program.forward_count = 2;
    program.output = 4;
    program.loss_error = kNoneIndex;
    program.loss_input = 4;
    program.last_operator = 1;
    return program;
  }
  void AddForwardValues(Place input, uint16_t logits_last, uint16_t input_last) {
    values.push_back(Value(0, input, Role::kActivation, 0, 1, 3, 0, input_last));
    values.push_back(Value(1, Place::kParameter, Role::kWeight, 0, 2, 3, 0, 3));
    values.push_back(Value(2, Place::kParameter, Role::kWeight, 1, 1, 2, 0, 3));
    values[values.size() - 1].rank = 1;
    values[values.size() - 1].dims[0] = 2;
    values[values.size() - 1].dims[1] = 0;
    const uint32_t logits = input == Place::kArena ? 16 : 0;
    values.push_back(Value(3, Place::kArena, Role::kActivation, logits, 1, 2, 0, logits_last));
    values.push_back(Value(4, Place::kArena, Role::kActivation, logits + 16, 1, 2, 1, 2));
  }
  void AddForwardSteps() {
    AddStep(KernelId::kFullyConnected, Phase::kForward, {0, 1, 2, 3}, 0, {1, 3, 2, 0}, kNoneIndex);
    AddStep(KernelId::kSoftmax, Phase::kForward, {3, 4}, 1, {1, 2, 0x3F800000u}, kNoneIndex);
  }
  void AddInfer() {
    programs.push_back(Begin(ProgramKind::kInfer, ForwardKind::kNative));
    AddForwardValues(Place::kInput, 1, 0);
    AddForwardSteps();
    programs.back().value_count = 5;
    programs.back().arena_bytes = 32;
  }
  void AddTrain(ForwardKind forward) {
    const bool native = forward == ForwardKind::kNative;
    programs.push_back(Begin(ProgramKind::kTrain, forward));
    AddForwardValues(native ? Place::kInput : Place::kArena, 1, 3);
    const uint32_t error_offset = native ? 0 : 16;  // where the logits were
    values.push_back(Value(-1, Place::kArena, Role::kError, error_offset, 1, 2, 2, 3));
    const uint32_t list_offset = native ? 32 : 48;
    ValueRecord list = Value(-1, Place::kArena, Role::kScratch, list_offset, 1, 2, 3, 3);
    list.type = static_cast<uint8_t>(ScalarType::kUint16);
    list.bytes = 4;
    list.rank = 1;
    list.dims[0] = 2;
    list.dims[1] = 0;
    values.push_back(list);
    if (native) {
      AddForwardSteps();
    } else {
      AddStep(KernelId::kExternal, Phase::kForward, {0, 3}, 0, {}, kNoneIndex);
      AddStep(KernelId::kExternal, Phase::kForward, {3, 4}, 1, {}, kNoneIndex);
    }
    AddStep(KernelId::kFullyConnected, Phase::kBackward, {0, 1, kNoneIndex, 5, kNoneIndex, 6}, 0, {1, 3, 2, 0}, 0);
    programs.back().value_count = 7;
    programs.back().backward_count = 1;
    programs.back().loss_error = 5;
    programs.back().arena_bytes = native ? kTinyProgramBytes : 64;
  }
};

/// The file around the plan.
inline ModelFile TinyFile() {
  ModelFile file;
  file.tensors = {{{1, 3}, 0}, {{2, 3}, 1}, {{2}, 2}, {{1, 2}, 0}, {{1, 2}, 0}};
  file.operators = {{9, {0, 1, 2}, {3}, 8}, {25, {3}, {4}, 9}};
  file.inputs = {0};
  file.outputs = {4};
  file.buffers = {{}, BytesOf(kTinyWeights, 6), BytesOf(kTinyBiases, 2), {}};
  file.metadata_buffer = 3;
  return file;
}

/// Writes the plan into the file. Fingerprint and checksum of the weights are those of the file, unless the plan sets
/// them.
inline std::vector<uint8_t> WriteTinyModel(TinyPlan plan, ModelFile file = TinyFile()) {
  const std::vector<uint8_t> bare = file.Write();
  ModelView model;
  uint32_t fingerprint = 0, weights = 0;
  if (model.Open(bare.data(), static_cast<uint32_t>(bare.size()))) {
    const auto count = static_cast<uint32_t>(plan.parameters.size());
    static_cast<void>(Fingerprint(model, plan.parameters.data(), count, &fingerprint));
    static_cast<void>(WeightsCrc(model, plan.parameters.data(), count, &weights));
  }
  if (plan.fingerprint == 0) plan.fingerprint = fingerprint;
  if (plan.weights_crc == 0) plan.weights_crc = weights;
  file.buffers[3] = plan.Encode();
  return file.Write();
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TEST_TINY_MODEL_H_
