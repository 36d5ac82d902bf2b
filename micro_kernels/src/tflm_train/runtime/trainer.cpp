#include "tflm_train/runtime/trainer.h"

#include <cstring>

#include "tflm_train/runtime/finite.h"
#include "tflm_train/runtime/losses.h"
#include "tflm_train/runtime/step_phase.h"
#include "tflm_train/runtime/trainer_memory.h"

namespace tflm_train {
namespace {

/// The steps of a program, each with its operator.
class ProgramSteps {
 public:
  ProgramSteps(const PlanReader& plan, const ProgramRecord& program, const OperatorSet& operators,
               const MemoryMap& memory)
      : operators_(operators),
        steps_(plan.steps(program)),
        values_(plan.values(program)),
        indices_(plan.indices()),
        words_(plan.words()),
        memory_(memory) {}

  const StepRecord& operator[](uint32_t i) const { return steps_[i]; }
  void Forward(uint32_t i, WorkCounters& work) { OperatorOf(steps_[i]).forward(View(i), work); }
  void Backward(uint32_t i, const BackwardContext& context) { OperatorOf(steps_[i]).backward(View(i), context); }

 private:
  StepView View(uint32_t i) const { return {steps_[i], values_, indices_, words_, memory_}; }
  /// Layers of one kind often follow each other: the last operator is kept.
  const Operator& OperatorOf(const StepRecord& step) {
    const KernelId kernel = static_cast<KernelId>(step.kernel);
    if (last_ == nullptr || last_->kernel != kernel) last_ = operators_.Find(kernel);
    return *last_;
  }

  const OperatorSet& operators_;
  const StepRecord* steps_;
  const ValueRecord* values_;
  const uint16_t* indices_;
  const uint32_t* words_;
  const MemoryMap& memory_;
  const Operator* last_ = nullptr;
};

}  // namespace

Status Trainer::Step(const float* input, const Label& label, StepResult* result) {
  if (!ready()) return Status::kNotInitialized;
  const Memory memory(plan_, arena_, program_memory_, input);
  const Status status = RunForward(*train_, input, memory);
  if (status != Status::kOk) return status;
  EnterPhase(StepPhase::kLoss);
  StepResult unused;
  const Status loss_status = RunSample(*train_, label, memory, true, result == nullptr ? &unused : result);
  if (loss_status != Status::kOk) return loss_status;
  EnterPhase(StepPhase::kBackward);
  RunBackward(memory);
  return Status::kOk;
}

Status Trainer::Infer(const float* input, const float** output) {
  if (!ready()) return Status::kNotInitialized;
  if (output == nullptr) return Fail(Status::kInvalidArgument, Subject::kOutput);
  const Memory memory(plan_, arena_, program_memory_, input);
  Status status = RunForward(*infer_, input, memory);
  if (status == Status::kOk) status = CheckOutput(*infer_, memory);
  if (status == Status::kOk) *output = memory.Floats(*infer_, infer_->output);
  return status;
}

Status Trainer::Evaluate(const float* input, const Label& label, StepResult* result) {
  if (!ready()) return Status::kNotInitialized;
  if (result == nullptr) return Fail(Status::kInvalidArgument, Subject::kResult);
  const Memory memory(plan_, arena_, program_memory_, input);
  const Status status = RunForward(*infer_, input, memory);
  return status == Status::kOk ? RunSample(*infer_, label, memory, false, result) : status;
}

Status Trainer::RunForward(const ProgramRecord& program, const float* input, const Memory& memory) {
  if (input == nullptr) return Fail(Status::kInvalidArgument, Subject::kInput);
  const ValueRecord& value = plan_.values(program)[program.input];
  if (!AllFinite(input, input_elements())) return Fail(Status::kNonFinite, Subject::kInput);
  float* place = static_cast<float*>(memory.Resolve(value));
  if (place != input) std::memcpy(place, input, value.bytes);
  if (run_forward_ != nullptr) return run_forward_(this, program, memory);
  ProgramSteps steps(plan_, program, *operators_, memory);
  for (uint32_t i = 0; i < program.forward_count; ++i) steps.Forward(i, counters_);
  return Status::kOk;
}

Status Trainer::CheckOutput(const ProgramRecord& program, const Memory& memory) {
  const bool finite = AllFinite(memory.Floats(program, program.output), output_elements());
  return finite ? Status::kOk : Fail(Status::kNonFinite, Subject::kOutput);
}

/// Loss, correctness, and for training the error at the output. Nothing that outlives the step changes before all is
/// finite.
Status Trainer::RunSample(const ProgramRecord& program, const Label& label, const Memory& memory, bool train,
                          StepResult* result) {
  const uint32_t outputs = output_elements();
  const LossId loss = ChooseLoss(static_cast<LossId>(plan_.defaults().loss), label, outputs);
  const Status label_status = CheckLabel(loss, label, outputs);
  if (label_status != Status::kOk) return Fail(label_status, Subject::kLabel);
  const Status output_status = CheckOutput(program, memory);
  if (output_status != Status::kOk) return output_status;
  float* error = train ? memory.Floats(program, program.loss_error) : nullptr;
  const float* read = memory.Floats(program, train ? program.loss_input : program.output);
  result->correct = IsCorrect(loss, memory.Floats(program, program.output), outputs, label);
  result->loss = ComputeLoss(loss, plan_.defaults().loss_scale, read, outputs, label, error);
  if (!AllFinite(&result->loss, 1)) return Fail(Status::kNonFinite, Subject::kLoss);
  if (train && !AllFinite(error, outputs)) return Fail(Status::kNonFinite, Subject::kOutputError);
  return Status::kOk;
}

/// Where a parameter's gradient goes: its buffer, or the parameter itself. Null for none.
float* Trainer::GradientTarget(uint16_t parameter) const {
  if (parameter == kNoneIndex) return nullptr;
  const ParameterRecord& record = plan_.parameter(parameter);
  return Persistent(options_.accumulate > 1 ? record.gradient_offset : record.arena_offset);
}

void Trainer::RunBackward(const Memory& memory) {
  const ProgramRecord& program = *train_;
  const bool accumulates = options_.accumulate > 1;
  const uint64_t updates = counters_.update;
  ProgramSteps steps(plan_, program, *operators_, memory);
  BackwardContext context = {};
  context.scale = accumulates ? 1.0f : -options_.learning_rate;
  context.zero_skip = options_.zero_skip;
  context.work = &counters_;
  const uint32_t end = program.forward_count + program.backward_count;
  for (uint32_t i = program.forward_count; i < end; ++i) {
    const uint16_t layer = steps[i].layer;
    context.layer = nullptr;
    float* running_maximum = nullptr;
    if (layer != kNoneIndex) {
      context.layer = &plan_.layer(layer);
      running_maximum = Persistent(context.layer->state_offset);
    }
    context.weight_target = layer != kNoneIndex ? GradientTarget(context.layer->weight) : nullptr;
    context.bias_target = layer != kNoneIndex ? GradientTarget(context.layer->bias) : nullptr;
    const SelectorState selector(options_.selector, running_maximum);
    context.selector = &selector;
    steps.Backward(i, context);
  }
  if (!accumulates) return;
  counters_.update = updates;  // the kernels have changed gradients, no parameters
  if (++pending_ >= options_.accumulate) ApplyGradients();
}

/// w <- w - learning rate / samples * sum of gradients, which start from zero again.
void Trainer::ApplyGradients() {
  const float rate = options_.learning_rate / static_cast<float>(pending_);
  for (uint32_t i = 0; i < plan_.parameter_count(); ++i) {
    const ParameterRecord& record = plan_.parameter(i);
    float* weights = Persistent(record.arena_offset);
    float* gradients = Persistent(record.gradient_offset);
    for (uint32_t j = 0; j < record.elements; ++j) {
      weights[j] -= rate * gradients[j];
      gradients[j] = 0.0f;
    }
    Count(counters_.update, record.elements);
  }
  pending_ = 0;
}

Status Trainer::Flush() {
  if (!ready()) return Status::kNotInitialized;
  if (pending_ > 0) ApplyGradients();
  return Status::kOk;
}

}  // namespace tflm_train
