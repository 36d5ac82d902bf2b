// The backward step of one convolution, 16x16x16 -> 16 channels, 3x3, padding "same", on synthetic errors of which half
// are zero. The program's argument says what is selected; prints instructions of selection and backward, and the
// bytes of the step's values.
#include <cstdint>
#include <cstdio>

#include "instruction_meter.h"
#include "semihosting_stream.h"
#include "tflm_train/operators/operators.h"
#include "tflm_train/policies/policies.h"
#include "tflm_train/train/operator.h"

namespace {

using tflm_train::SelectorId;
using tflm_train::StepPhase;

constexpr int32_t kSize = 16, kChannels = 16, kFilter = 3;
constexpr uint32_t kMap = kSize * kSize * kChannels;
constexpr uint32_t kWeights = kChannels * kFilter * kFilter * kChannels;
constexpr uint32_t kSums = kWeights;  // as the converter plans
constexpr float kScale = -0.01f;

struct Case {
  const char* argument;
  SelectorId selector;
  float ratio;
  bool zero_skip;
};

constexpr Case kCases[] = {
    {"dense-noskip", SelectorId::kDense, 1.0f, false},       {"dense", SelectorId::kDense, 1.0f, true},
    {"static-topk-10", SelectorId::kStaticTopk, 0.1f, true}, {"static-topk-30", SelectorId::kStaticTopk, 0.3f, true},
    {"tinyprop-10", SelectorId::kTinyprop, 0.1f, true},      {"tinyprop-30", SelectorId::kTinyprop, 0.3f, true},
};

alignas(16) float x[kMap], dy[kMap], dx[kMap], weights[kWeights], bias[kChannels];
alignas(16) uint16_t keys[kMap];
alignas(16) float sums[kSums];

enum Value : uint16_t { kX, kW, kDy, kDx, kScratch, kRows, kValues };
void* const kPlaces[kValues] = {x, weights, dy, dx, keys, sums};

constexpr uint32_t Address(Value value) {
  return static_cast<uint32_t>(tflm_train::Base::kFile) << tflm_train::kAddressBits | value;
}

// Arguments in the plan's order; `y` is absent, as there is no activation.
constexpr uint16_t kArguments[] = {kX, kW, tflm_train::kNoneIndex, kDy, kDx, kScratch, kRows};
constexpr uint32_t kArgumentCount = sizeof kArguments / sizeof kArguments[0];
constexpr uint32_t kWords[] = {Address(kRows), Address(kScratch), Address(kDx), Address(kDy), tflm_train::kNoneAddress,
                               Address(kW), Address(kX),
                               // strides, dilations, pads, no activation
                               1, 1, 1, 1, 1, 1, 0};

tflm_train::ValueRecord Image(uint32_t offset) {
  tflm_train::ValueRecord value = {};
  value.tensor = -1;
  value.alias = tflm_train::kNoneIndex;
  value.type = static_cast<uint8_t>(tflm_train::ScalarType::kFloat32);
  value.place = static_cast<uint8_t>(tflm_train::Place::kArena);
  value.rank = 4;
  const int32_t dims[] = {1, kSize, kSize, kChannels};
  for (int i = 0; i < 4; ++i) value.dims[i] = dims[i];
  value.bytes = kMap * sizeof(float);
  value.offset = offset;
  return value;
}

class Values final : public tflm_train::ProgramView {
 public:
  Values() : ProgramView(records, kArguments, kWords) {
    uint32_t offset = 0;
    for (tflm_train::ValueRecord& value : records) {
      value = Image(offset);
      offset += value.bytes;
    }
    records[kW].dims[0] = kChannels;
    records[kW].dims[1] = records[kW].dims[2] = kFilter;
    records[kW].bytes = sizeof weights;
    records[kScratch].type = static_cast<uint8_t>(tflm_train::ScalarType::kUint16);
    records[kScratch].rank = 1;
    records[kScratch].dims[0] = kMap;
    records[kScratch].bytes = sizeof keys;
    records[kRows].rank = 1;
    records[kRows].dims[0] = kSums;
    records[kRows].bytes = sizeof sums;
  }
  uint32_t bytes() const {
    uint32_t sum = sizeof bias;
    for (const tflm_train::ValueRecord& value : records) sum += value.bytes;
    return sum;
  }

  tflm_train::ValueRecord records[kValues];

 private:
  void* File(uint32_t value) const override { return kPlaces[value]; }
};

/// Uniform in [-1, 1): a linear congruential generator (Numerical Recipes, 7.1).
float Random() {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0f;
}

void FillValues() {
  for (float& value : x) value = Random();
  for (float& value : weights) value = Random() / kChannels;
  for (float& value : dy) value = Random();
  for (float& value : dy) value = Random() < 0.0f ? 0.0f : value;
}

const tflm_train::Selector* SelectorOf(SelectorId id) {
  if (id == SelectorId::kStaticTopk) return &tflm_train::kStaticTopkSelector;
  return id == SelectorId::kTinyprop ? &tflm_train::kTinypropSelector : nullptr;
}

int Run(const Case& chosen) {
  const Values values;
  tflm_train::StepRecord record = {};
  record.kernel = static_cast<uint16_t>(tflm_train::kConv2d.kernel);
  record.phase = static_cast<uint8_t>(tflm_train::Phase::kBackward);
  record.value_count = kArgumentCount;
  record.word_begin = kArgumentCount;
  record.word_count = sizeof kWords / sizeof kWords[0] - kArgumentCount;
  const tflm_train::StepView step(record, values);
  if (tflm_train::kConv2d.check(step) != tflm_train::Status::kOk) return 1;

  tflm_train::LayerRecord layer = {};
  layer.candidates = layer.max_selected = kMap;
  float running_maximum = 0.0f;
  tflm_train::TrainingOptions options = {};
  options.selector = chosen.selector;
  options.ratio = chosen.ratio;
  options.s_min = options.s_max = chosen.ratio;  // TinyProp with a fixed part
  options.damping = options.decay = 1.0f;
  tflm_train::WorkCounters work;
  tflm_train::BackwardContext context = {};
  context.layer = &layer;
  context.weight_target = weights;
  context.bias_target = bias;
  context.sink.scale = kScale;
  context.dense = tflm_train::Selection::Dense(chosen.zero_skip);
  context.work = &work;
  context.selector = SelectorOf(chosen.selector);
  context.sink.options = &options;
  context.sink.persistent = reinterpret_cast<uint8_t*>(&running_maximum);

  FillValues();
  tflm_train::InstructionMeter meter;
  meter.BeginStep();
  EnterPhase(StepPhase::kBackward);
  tflm_train::kConv2d.backward(step, context);
  meter.EndStep();
  std::printf("%lu %lu %lu\n", static_cast<unsigned long>(meter.cost().selection),
              static_cast<unsigned long>(meter.cost().backward), static_cast<unsigned long>(values.bytes()));
  return 0;
}

}  // namespace

int main() {
  for (const Case& each : kCases) {
    if (tflm_train::HasArgument(each.argument)) return Run(each);
  }
  return 2;
}
