#include "tflm_train/train/alignment.h"

#include <cstring>

#include "tflm_train/kernels/activation.h"
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/finite.h"
#include "tflm_train/train/align_step.h"
#include "tflm_train/train/trainer_memory.h"

namespace tflm_train {
namespace {

using namespace align_step;

bool IsAligned(const StepRecord& step) { return step.kernel == static_cast<uint16_t>(KernelId::kAlignChannels); }

uint32_t ChannelsOf(const StepRecord& step) { return step.word_count / 2u; }  // an activation, two numbers each

const ProgramRecord* AlignProgram(const PlanReader& plan) {
  return plan.program(ProgramKind::kAlign, ForwardKind::kNative);
}

bool IsFloat(const ParameterRecord& parameter) { return parameter.type == static_cast<uint8_t>(ScalarType::kFloat32); }

/// z' = gain z + shift
struct Correction {
  float gain, shift;
};

}  // namespace

/// Statistics of a layer's channels: those of conversion, and sums of those that were measured.
struct Alignment::Channels {
  Channels(const StepView& step, float* sums_of_layer)
      : count(ChannelsOf(step.record())),
        mean(reinterpret_cast<const float*>(step.words() + kStatistics)),
        deviation(mean + count),
        sums(sums_of_layer) {}

  /// Takes z [positions, channels] of a sample in.
  void Add(const float* z, uint32_t elements) const {
    const uint32_t positions = elements / count;
    for (uint32_t c = 0; c < count; ++c) {
      float sum = 0.0f, squares = 0.0f;
      for (uint32_t i = c; i < elements; i += count) {
        const float distance = z[i] - mean[c];
        sum += distance;
        squares += distance * distance;
      }
      sums[c] += sum / static_cast<float>(positions);
      sums[count + c] += squares / static_cast<float>(positions);
    }
  }

  /// By so many samples behind those of the prior. A channel that did not vary at conversion stays as it is.
  Correction Of(uint32_t c, uint32_t samples) const {
    if (!(deviation[c] > 0.0f)) return {1.0f, 0.0f};
    const float weight = 1.0f / (kPrior + static_cast<float>(samples));
    const float distance = sums[c] * weight;
    const float square = (kPrior * deviation[c] * deviation[c] + sums[count + c]) * weight;
    const float variance = square - distance * distance;
    const float gain = variance > 0.0f ? deviation[c] / Sqrt(variance) : kLargestGain;
    const float within = gain < kLeastGain ? kLeastGain : gain > kLargestGain ? kLargestGain : gain;
    return {within, mean[c] - within * (mean[c] + distance)};
  }

  /// z' in place of z, behind the activation function.
  void Correct(uint32_t samples, Activation activation, float* z, uint32_t elements) const {
    const Bounds<float> bounds(activation);
    for (uint32_t c = 0; c < count; ++c) {
      const Correction correction = Of(c, samples);
      for (uint32_t i = c; i < elements; i += count) z[i] = bounds.Clamp(correction.gain * z[i] + correction.shift);
    }
  }

  uint32_t count;
  const float* mean;
  const float* deviation;
  float* sums;
};

uint32_t Alignment::Bytes(const PlanReader& plan) {
  const ProgramRecord* program = AlignProgram(plan);
  if (program == nullptr) return 0;
  uint64_t channels = 0;
  const StepRecord* const steps = plan.steps(*program);
  for (uint32_t i = 0; i < program->forward_count; ++i) channels += IsAligned(steps[i]) ? ChannelsOf(steps[i]) : 0;
  static_assert(kAlignChannelBytes == 2 * sizeof(float));
  const uint64_t bytes = channels * kAlignChannelBytes;
  return bytes >> 32 != 0 ? 0 : static_cast<uint32_t>(bytes);
}

Status Alignment::Init(Trainer* trainer, void* memory, size_t memory_size) {
  trainer_ = nullptr;
  Clear();
  const bool whole =
      trainer != nullptr && trainer->ready() && trainer->train_->kind == static_cast<uint16_t>(ProgramKind::kTrain);
  if (!whole) return Status::kNotInitialized;
  const PlanReader& plan = trainer->plan_;
  const ProgramRecord* program = AlignProgram(plan);
  const uint32_t bytes = Bytes(plan);
  if (bytes == 0 || trainer->run_forward_ != nullptr) return trainer->Fail(Status::kNoProgram, Subject::kAlign);
  if (memory == nullptr || reinterpret_cast<uintptr_t>(memory) % alignof(float) != 0) {
    return trainer->Fail(memory == nullptr ? Status::kInvalidArgument : Status::kMisaligned, Subject::kAlign);
  }
  Status status = trainer->CheckMemory(memory_size, bytes, Subject::kAlign);
  if (status == Status::kOk) status = trainer->Verify(*program);
  if (status != Status::kOk) return status;
  trainer_ = trainer;
  if (!LayersFit(*program)) {
    trainer_ = nullptr;
    return trainer->Fail(Status::kPlanInvalid, Subject::kAlign);
  }
  program_ = program;
  sums_ = static_cast<float*>(memory);
  for (uint32_t i = 0; i < program->forward_count; ++i) {
    if (IsAligned(plan.steps(*program)[i])) steps_ = i + 1;
  }
  Clear();
  return Status::kOk;
}

/// It runs in the trainer's arena, on the same samples, and each layer has weights and a bias for its channels.
bool Alignment::LayersFit(const ProgramRecord& program) const {
  const PlanReader& plan = trainer_->plan_;
  const ProgramRecord &train = *trainer_->train_, &infer = *trainer_->infer_;
  if (program.arena_bytes > (train.arena_bytes > infer.arena_bytes ? train : infer).arena_bytes ||
      program.input_elements != train.input_elements || program.output_elements != train.output_elements ||
      program.output_address != program.loss_input_address || program.first_operator != 0) {
    return false;
  }
  const StepRecord* const steps = plan.steps(program);
  for (uint32_t i = 0; i < program.forward_count; ++i) {
    if (!IsAligned(steps[i])) continue;
    if (steps[i].layer >= plan.layer_count()) return false;
    const LayerRecord& layer = plan.layer(steps[i].layer);
    if (layer.weight == kNoneIndex || layer.bias == kNoneIndex) return false;
    const ParameterRecord &weight = plan.parameter(layer.weight), &bias = plan.parameter(layer.bias);
    const uint32_t channels = ChannelsOf(steps[i]);
    if (!IsFloat(weight) || !IsFloat(bias) || bias.elements != channels || weight.elements % channels != 0) {
      return false;
    }
  }
  return true;
}

void Alignment::Clear() {
  measured_ = judged_ = decisions_ = before_ = after_ = 0;
  if (trainer_ != nullptr) std::memset(sums_, 0, Bytes(trainer_->plan_));
}

/// Visits the steps that align, with the memory of their sums.
template <class Visit>
void Alignment::ForEachLayer(const ProgramView& memory, Visit visit) const {
  const StepRecord* const steps = trainer_->plan_.steps(*program_);
  float* sums = sums_;
  for (uint32_t i = 0; i < steps_; ++i) {
    if (!IsAligned(steps[i])) continue;
    visit(steps[i], Channels(StepView(steps[i], memory), sums));
    sums += 2 * ChannelsOf(steps[i]);
  }
}

const float* Alignment::sums(uint32_t layer) const {
  const float* found = nullptr;
  if (trainer_ == nullptr) return found;
  const Trainer::Memory memory(*trainer_, *program_, nullptr);
  ForEachLayer(memory, [&found, &layer](const StepRecord&, const Channels& channels) {
    if (layer-- == 0) found = channels.sums;
  });
  return found;
}

/// A forward pass with corrections; one that measures ends behind the last layer, another one at the loss.
Status Alignment::Run(const float* input, bool measures, const Label* label, StepResult* result) {
  const Trainer::Memory memory(*trainer_, *program_, input);
  if (input == nullptr) return trainer_->Fail(Status::kInvalidArgument, Subject::kInput);
  const Status status = trainer_->TakeInput(*program_, input, memory);
  if (status != Status::kOk) return status;
  const StepRecord* const steps = trainer_->plan_.steps(*program_);
  const uint32_t count = measures ? steps_ : program_->forward_count;
  float* sums = sums_;
  for (uint32_t i = 0; i < count; ++i) {
    const StepView step(steps[i], memory);
    if (!IsAligned(steps[i])) {
      trainer_->operators_->At(static_cast<KernelId>(steps[i].kernel)).forward(step, trainer_->counters_);
      continue;
    }
    const Channels channels(step, sums);
    auto* const z = step.data<float>(kY);
    const uint32_t elements = FloatElements(step.value(kY));
    if (measures) {
      channels.Add(z, elements);
      if (!AllFinite(sums, 2 * channels.count)) return trainer_->Fail(Status::kNonFinite, Subject::kAlign);
    }
    const uint32_t samples = measured_ + (measures ? 1 : 0);
    channels.Correct(samples, static_cast<Activation>(step.word(kActivation)), z, elements);
    if (kCountWork) trainer_->counters_.forward += uint64_t{elements} * (measures ? 2 : 1);
    sums += 2 * channels.count;
  }
  return measures ? Status::kOk : trainer_->RunSample(*program_, *label, memory, nullptr, nullptr, result);
}

Status Alignment::Measure(const float* input) {
  if (trainer_ == nullptr) return Status::kNotInitialized;
  Status status = measured_ == 0 ? trainer_->Flush() : Status::kOk;
  if (status == Status::kOk) status = Run(input, true, nullptr, nullptr);
  if (status == Status::kOk) {
    ++measured_;
  } else {
    Clear();
  }
  return status;
}

Status Alignment::Judge(const float* input, const Label& label) {
  if (trainer_ == nullptr) return Status::kNotInitialized;
  if (measured_ == 0) return trainer_->Fail(Status::kInvalidArgument, Subject::kAlign);
  StepResult before = {}, after = {};
  Status status = trainer_->Evaluate(input, label, &before);
  if (status == Status::kOk) status = Run(input, false, &label, &after);
  if (status != Status::kOk) return status;
  ++judged_;
  decisions_ += after.decisions;
  before_ += before.correct;
  after_ += after.correct;
  return status;
}

Status Alignment::Accept(float margin, bool* accepted) {
  if (trainer_ == nullptr) return Status::kNotInitialized;
  if (accepted == nullptr || measured_ == 0 || !AllFinite(&margin, 1)) {
    return trainer_->Fail(Status::kInvalidArgument, Subject::kAlign);
  }
  const float gained = static_cast<float>(after_) - static_cast<float>(before_);
  *accepted = false;
  if (gained > margin * static_cast<float>(decisions_)) {
    if (!TakeOver(false)) return trainer_->Fail(Status::kNonFinite, Subject::kAlign);
    TakeOver(true);
    *accepted = true;
  }
  Clear();
  return Status::kOk;
}

/// Whether all weights stay finite; with `write` they become what they would be.
bool Alignment::TakeOver(bool write) {
  const PlanReader& plan = trainer_->plan_;
  const Trainer::Memory memory(*trainer_, *program_, nullptr);
  bool finite = true;
  ForEachLayer(memory, [&](const StepRecord& step, const Channels& channels) {
    const LayerRecord& layer = plan.layer(step.layer);
    const ParameterView weights = trainer_->parameter(layer.weight);
    float* const bias = trainer_->parameter(layer.bias).floats();
    float* const w = weights.floats();
    const bool last = (layer.flags & kLayerChannelLast) != 0;
    const uint32_t each = weights.elements / channels.count;
    for (uint32_t c = 0; c < channels.count; ++c) {
      const Correction correction = channels.Of(c, measured_);
      for (uint32_t i = 0; i < each; ++i) {
        float* const weight = last ? w + i * channels.count + c : w + c * each + i;
        const float changed = correction.gain * *weight;
        finite = finite && AllFinite(&changed, 1);
        if (write) *weight = changed;
      }
      const float changed = correction.gain * bias[c] + correction.shift;
      finite = finite && AllFinite(&changed, 1);
      if (write) bias[c] = changed;
    }
    if (kCountWork && write) trainer_->counters_.forward += uint64_t{weights.elements} + channels.count;
  });
  return finite;
}

}  // namespace tflm_train
