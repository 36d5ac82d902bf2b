#include "tflm_train/train/trainer.h"

#include <cstring>

#include "tflm_train/base/float_bits.h"
#include "tflm_train/policies/accumulation.h"
#include "tflm_train/policies/finite.h"
#include "tflm_train/policies/loss/check.h"
#include "tflm_train/train/step_phase.h"
#include "tflm_train/train/trainer_memory.h"

namespace tflm_train {
namespace {

/// Indices of a table of `limit` rows.
TFLM_TRAIN_COLD TFLM_TRAIN_NOINLINE bool AllBelow(uint32_t limit, const float* input, uint32_t elements) {
  const float end = static_cast<float>(limit);
  for (uint32_t i = 0; i < elements; ++i) {
    if (!(input[i] >= 0.0f && input[i] < end)) return false;
  }
  return true;
}

}  // namespace

namespace {

/// A sample's weight is a gate in front of the plan's: one of 0 lets nothing through. Only firmware that gives weights
/// links it.
struct SampleWeight : Gate {
  SampleWeight(float weight, const Gate* gate) : Gate(Apply), value(weight), next(gate) {}
  float value;
  const Gate* next;  // may be null

 private:
  TFLM_TRAIN_COLD static Finding Apply(const Gate& weight, const LossSample& sample, StepResult* result,
                                       const StepContext& context);
};

/// Loss and error at the output times the weight.
Finding SampleWeight::Apply(const Gate& gate, const LossSample& sample, StepResult* result,
                            const StepContext& context) {
  const auto& weight = static_cast<const SampleWeight&>(gate);
  const float loss = result->loss * weight.value;
  if (!AllFinite(&loss, 1)) return Found(Status::kNonFinite, Subject::kLoss);
  for (uint32_t i = 0; i < sample.outputs; ++i) sample.error[i] *= weight.value;
  if (!AllFinite(sample.error, sample.outputs)) return Found(Status::kNonFinite, Subject::kOutputError);
  Finding finding = Finding::kNothing;
  if (weight.value == 0.0f) {
    result->trained = false;
  } else if (weight.next != nullptr) {
    finding = weight.next->pass(*weight.next, sample, result, context);
  }
  result->loss = loss;
  return finding;
}

}  // namespace

Status Trainer::Step(const float* input, const Label& label, StepResult* result) {
  return ready() ? RunStep(*train_, input, label, gate_, result) : Status::kNotInitialized;
}

Status Trainer::Step(const float* input, const Label& label, float weight, StepResult* result) {
  if (BitsOf(weight) == BitsOf(1.0f)) return Step(input, label, result);
  return ready() ? RunWeightedStep(*train_, input, label, weight, result) : Status::kNotInitialized;
}

Status Trainer::RunWeightedStep(const ProgramRecord& program, const float* input, const Label& label, float weight,
                                StepResult* result) {
  if (!IsSampleWeight(weight)) return Fail(Status::kInvalidArgument, Subject::kSampleWeight);
  const SampleWeight given(weight, gate_);
  const bool is_one = BitsOf(weight) == BitsOf(1.0f);
  return RunStep(program, input, label, is_one ? given.next : &given, result);
}

Status Trainer::RunStep(const ProgramRecord& program, const float* input, const Label& label, const Gate* gate,
                        StepResult* result) {
  const Memory memory(*this, program, input);
  const Status status = RunForward(program, input, memory);
  if (status != Status::kOk) return status;
  EnterPhase(StepPhase::kLoss);
  StepResult unused;
  if (result == nullptr) result = &unused;
  result->trained = true;
  result->clipped = false;
  float* const error = memory.Floats(program.loss_error_address);
  const Status loss_status = RunSample(program, label, memory, error, gate, result);
  if (loss_status != Status::kOk) return loss_status;
  EnterPhase(StepPhase::kBackward);
  if (result->trained) RunBackward(program, memory);
  CountSample();
  return Status::kOk;
}

Status Trainer::Infer(const float* input, const float** output) {
  if (!ready()) return Status::kNotInitialized;
  if (output == nullptr) return Fail(Status::kInvalidArgument, Subject::kOutput);
  const Memory memory(*this, *infer_, input);
  const Status status = RunForward(*infer_, input, memory);
  if (status != Status::kOk) return status;
  const float* values = memory.Floats(infer_->output_address);
  if (!AllFinite(values, infer_->output_elements)) return Fail(Status::kNonFinite, Subject::kOutput);
  *output = values;
  return Status::kOk;
}

Status Trainer::Evaluate(const float* input, const Label& label, StepResult* result) {
  if (!ready()) return Status::kNotInitialized;
  if (result == nullptr) return Fail(Status::kInvalidArgument, Subject::kResult);
  const Memory memory(*this, *infer_, input);
  Status status = RunForward(*infer_, input, memory);
  if (status == Status::kOk) status = RunSample(*infer_, label, memory, nullptr, nullptr, result);
  if (status != Status::kOk || infer_->output_address == infer_->loss_input_address) return status;
  // Stored as integers, probabilities may be equal where what the loss reads differs.
  const float* output = memory.Floats(infer_->output_address);
  const Finding finding =
      JudgeProbabilities({label, output, infer_->output_elements, nullptr, 1.0f, plan_.defaults().classes},
                         static_cast<LossId>(plan_.defaults().loss), result);
  return finding == Finding::kNothing ? Status::kOk : error_.Set(finding);
}

Status Trainer::TakeInput(const ProgramRecord& program, const float* input, const Memory& memory) {
  if (!AllFinite(input, program.input_elements)) return Fail(Status::kNonFinite, Subject::kInput);
  const uint32_t limit = program.first_operator == 0 ? plan_.defaults().input_limit : 0;  // not from a cut
  if (limit != 0 && !AllBelow(limit, input, program.input_elements)) {
    return Fail(Status::kInvalidIndex, Subject::kInput);
  }
  float* place = memory.Floats(program.input_address);
  if (place != input) std::memcpy(place, input, program.input_elements * sizeof(float));
  return Status::kOk;
}

/// Calls run(operator, view, step) for steps that follow each other.
template <class Run>
inline void Trainer::ForEachStep(const Memory& memory, const StepRecord* step, uint32_t count, Run run) const {
  const Operator* op = nullptr;
  for (; count > 0; --count, ++step) {
    const KernelId kernel = static_cast<KernelId>(step->kernel);
    // Layers of one kind often follow each other.
    if (op == nullptr || op->kernel != kernel) op = &operators_->At(kernel);
    run(*op, StepView(*step, memory), *step);
  }
}

Status Trainer::RunForward(const ProgramRecord& program, const float* input, const Memory& memory) {
  if (input == nullptr) return Fail(Status::kInvalidArgument, Subject::kInput);
  if (run_forward_ != nullptr) return run_forward_(this, program, input, memory);
  const Status status = TakeInput(program, input, memory);
  if (status != Status::kOk) return status;
  ForEachStep(memory, plan_.steps(program), program.forward_count,
              [this](const Operator& op, const StepView& view, const StepRecord&) { op.forward(view, counters_); });
  return Status::kOk;
}

/// Loss, correctness, and for training the error at the output (`error`, else null) and whether it goes back. Nothing
/// that outlives the step changes before all is finite.
Status Trainer::RunSample(const ProgramRecord& program, const Label& label, const Memory& memory, float* error,
                          const Gate* gate, StepResult* result) {
  const DefaultsRecord& defaults = plan_.defaults();
  const float* output = memory.Floats(program.loss_input_address);
  const LossSample sample = {label, output, program.output_elements, error, defaults.loss_scale, defaults.classes};
  Finding finding = loss_->run(sample, result);
  if (gate != nullptr && finding == Finding::kNothing) {
    finding = gate->pass(*gate, sample, result, *this);
  }
  return finding == Finding::kNothing ? Status::kOk : error_.Set(finding);
}

/// Where a parameter's gradient goes, null for none.
inline float* Trainer::GradientTarget(uint16_t parameter, const BackwardContext& context) const {
  return parameter == kNoneIndex ? nullptr : Persistent(plan_.parameter(parameter).*context.target);
}

/// What a step trains: a layer, or nothing.
inline void Trainer::SelectLayer(uint16_t index, BackwardContext* context) const {
  context->layer = nullptr;
  context->weight_target = nullptr;
  context->bias_target = nullptr;
  if (index == kNoneIndex) return;
  const LayerRecord& layer = plan_.layer(index);
  context->layer = &layer;
  context->weight_target = GradientTarget(layer.weight, *context);
  context->bias_target = GradientTarget(layer.bias, *context);
}

void Trainer::RunBackward(const ProgramRecord& program, const Memory& memory) {
  const bool accumulates = options_.accumulate > 1;
  const uint64_t updates = kCountWork ? counters_.update : 0;
  BackwardContext context;
  context.target = accumulates ? &ParameterRecord::gradient_offset : &ParameterRecord::arena_offset;
  context.sink.scale = accumulates ? 1.0f : -options_.learning_rate;
  context.work = &counters_;
  context.selector = selector_;
  context.sink.rule = accumulates ? nullptr : optimizer_;
  if (context.sink.rule != nullptr) optimizer_->begin(Persistent(plan_.defaults().optimizer_offset));
  context.update = accumulates ? nullptr : update_;
  context.sink.options = &options_;
  context.sink.persistent = arena_;
  context.sink.plan = &plan_;
  context.dense = Selection::Dense(options_.zero_skip != 0, context.sink.rule != nullptr);
  ForEachStep(memory, plan_.steps(program) + program.forward_count, program.backward_count,
              [this, &context](const Operator& op, const StepView& view, const StepRecord& step) {
                SelectLayer(step.layer, &context);
                op.backward(view, context);
              });
  if (kCountWork && accumulates) counters_.update = updates;  // the kernels have changed gradients, no parameters
}

/// The sample is one of its group; the last one brings the update.
inline void Trainer::CountSample() {
  if (options_.accumulate > 1 && ++pending_ >= options_.accumulate) ApplyGradients();
}

/// Options that accumulate name an accumulation that is there.
void Trainer::ApplyGradients() {
  const Accumulation& accumulation = *operators_->Find<Accumulation>(AccumulationId::kMean);
  accumulation.end_group({plan_, options_, optimizer_, update_, arena_, pending_, counters_});
  pending_ = 0;
}

Status Trainer::Flush() {
  if (!ready()) return Status::kNotInitialized;
  if (pending_ > 0) ApplyGradients();
  return Status::kOk;
}

}  // namespace tflm_train
