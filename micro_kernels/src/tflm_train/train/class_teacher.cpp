#include "tflm_train/train/class_teacher.h"

#include "tflm_train/base/float_bits.h"
#include "tflm_train/kernels/inner.h"
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/finite.h"
#include "tflm_train/train/trainer_memory.h"

namespace tflm_train {
namespace {

constexpr float kSilentBelow = -1e15f;  // biases of silent outputs are: see converters/spare_classes.py
constexpr float kMargin = 0.1f;
constexpr uint32_t kX = 0;  // the argument of a backward step of FULLY_CONNECTED: x w y dy dx scratch

float Norm(const float* x, uint32_t n) { return Sqrt(Dot(0.0f, x, x, n)); }

bool IsFloat(uint8_t type) { return type == static_cast<uint8_t>(ScalarType::kFloat32); }

}  // namespace

Status ClassTeacher::Init(Trainer* trainer) {
  trainer_ = nullptr;
  if (trainer == nullptr || !trainer->ready()) return Status::kNotInitialized;
  const PlanReader& plan = trainer->plan_;
  const DefaultsRecord& defaults = plan.defaults();
  if (defaults.spare_classes == 0) return trainer->Fail(Status::kSelectorNeedsPlan, Subject::kSpareClasses);
  if (!FindLayer(plan, *trainer->train_)) return trainer->Fail(Status::kPlanInvalid, Subject::kSpareClasses);
  const LayerRecord& layer = plan.layer(defaults.spare_layer);
  weights_ = trainer->Persistent(plan.parameter(layer.weight).arena_offset);
  biases_ = trainer->Persistent(plan.parameter(layer.bias).arena_offset);
  first_ = defaults.classes - defaults.spare_classes;
  trainer_ = trainer;
  return Status::kOk;
}

/// The layer has a row and a bias of floats for each class, the state lies in no other's memory, and a step of the
/// program reads the layer's input.
bool ClassTeacher::FindLayer(const PlanReader& plan, const ProgramRecord& program) {
  const DefaultsRecord& defaults = plan.defaults();
  if (defaults.spare_classes >= defaults.classes || defaults.spare_layer >= plan.layer_count() ||
      program.output_elements != defaults.classes) {
    return false;
  }
  const LayerRecord& layer = plan.layer(defaults.spare_layer);
  if (layer.weight == kNoneIndex || layer.bias == kNoneIndex) return false;
  const ParameterRecord &weight = plan.parameter(layer.weight), &bias = plan.parameter(layer.bias);
  inputs_ = weight.elements / defaults.classes;
  if (!IsFloat(weight.type) || !IsFloat(bias.type) || bias.elements != defaults.classes ||
      weight.elements != inputs_ * defaults.classes) {
    return false;
  }
  const uint32_t states_end = plan.layer(plan.layer_count() - 1).state_offset + static_cast<uint32_t>(sizeof(float));
  const uint64_t end = uint64_t{defaults.spare_offset} + uint64_t{defaults.spare_classes} * sizeof(Taken);
  if (defaults.spare_offset % alignof(Taken) != 0 || defaults.spare_offset < states_end ||
      end + defaults.gate_state_bytes > plan.update_state_offset()) {
    return false;
  }
  const StepRecord* step = plan.steps(program) + program.forward_count;
  for (const StepRecord* const last = step + program.backward_count; step != last; ++step) {
    if (step->layer != defaults.spare_layer || step->kernel != static_cast<uint16_t>(KernelId::kFullyConnected)) {
      continue;
    }
    const uint16_t x = plan.indices()[step->value_begin + kX];
    if (x == kNoneIndex) return false;
    const ValueRecord& value = plan.values(program)[x];
    step_ = step;
    return IsFloat(value.type) && FloatElements(value) == inputs_;
  }
  return false;
}

bool ClassTeacher::Taught(int32_t label) const {
  return trainer_ != nullptr && static_cast<uint32_t>(label) < first_ + spare() && biases_[label] >= kSilentBelow;
}

Status ClassTeacher::Teach(const float* input, int32_t label) {
  if (trainer_ == nullptr) return Status::kNotInitialized;
  const uint32_t number = static_cast<uint32_t>(label) - first_;
  if (number >= spare()) return trainer_->Fail(Status::kInvalidLabel, Subject::kLabel);
  const Taken& before = taken()[number];
  float* const bias = biases_ + label;
  if (Taught(label) && (before.samples == 0 || BitsOf(*bias) != before.bias)) {
    return trainer_->Fail(Status::kClassTrained, Subject::kLabel);
  }
  const ProgramRecord& program = *trainer_->train_;
  const Trainer::Memory memory(*trainer_, program, input);
  const Status status = trainer_->RunForward(program, input, memory);
  if (status != Status::kOk) return status;
  const float* const x = StepView(*step_, memory).data<float>(kX);
  const float norm = Norm(x, inputs_), scale = MeanNorm();
  float top = biases_[0] + Dot(0.0f, x, weights_, inputs_);
  for (uint32_t i = 1; i < first_; ++i) {
    const float logit = biases_[i] + Dot(0.0f, x, weights_ + size_t{i} * inputs_, inputs_);
    if (logit > top) top = logit;
  }
  float* const row = weights_ + static_cast<size_t>(label) * inputs_;
  const bool first = !Taught(label);
  // the row has the direction of u, whose length is kept
  const float of_row = first ? 0.0f : before.length / Norm(row, inputs_);
  const float of_sample = 1.0f / norm;
  float square = 0.0f;
  for (uint32_t i = 0; i < inputs_; ++i) {
    const float sum = of_row * row[i] + of_sample * x[i];
    square += sum * sum;
  }
  Taken now = first ? Taken{} : before;
  ++now.samples;
  now.length = Sqrt(square);
  now.norms += norm;
  now.tops += top;
  const float samples = static_cast<float>(now.samples);
  const float level = (now.tops - scale * now.norms * (now.length / samples - kMargin)) / samples;
  const bool infinite = !AllFinite(&norm, 1);
  if (!infinite && (norm == 0.0f || now.length == 0.0f)) {
    return trainer_->Fail(Status::kInvalidArgument, Subject::kSpareClasses);
  }
  const float numbers[] = {of_sample, of_row, scale / now.length, level};
  if (infinite || !AllFinite(numbers, sizeof numbers / sizeof *numbers) || level < kSilentBelow) {
    return trainer_->Fail(Status::kNonFinite, Subject::kSpareClasses);
  }
  for (uint32_t i = 0; i < inputs_; ++i) row[i] = (of_row * row[i] + of_sample * x[i]) * numbers[2];
  *bias = level;
  now.bias = BitsOf(level);
  taken()[number] = now;
  if (kCountWork) {
    trainer_->counters_.forward += first_ * inputs_;
    trainer_->counters_.weight_gradient += (first_ + 3) * inputs_;
    trainer_->counters_.update += inputs_ + 1;
  }
  return Status::kOk;
}

ClassTeacher::Taken* ClassTeacher::taken() const {
  static_assert(sizeof(Taken) == kSpareClassBytes);
  return reinterpret_cast<Taken*>(trainer_->arena_ + trainer_->plan_.defaults().spare_offset);
}

/// Of the rows in front of the spare classes.
float ClassTeacher::MeanNorm() const {
  float sum = 0.0f;
  for (uint32_t i = 0; i < first_; ++i) sum += Norm(weights_ + size_t{i} * inputs_, inputs_);
  return sum > 0.0f ? sum / static_cast<float>(first_) : 1.0f;
}

}  // namespace tflm_train
