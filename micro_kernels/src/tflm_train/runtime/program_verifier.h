// Verifies one program of a plan: values, lifetimes, steps.
#ifndef TFLM_TRAIN_RUNTIME_PROGRAM_VERIFIER_H_
#define TFLM_TRAIN_RUNTIME_PROGRAM_VERIFIER_H_

#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/error_detail.h"
#include "tflm_train/runtime/kernel_arguments.h"
#include "tflm_train/runtime/operator_set.h"
#include "tflm_train/runtime/plan_reader.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// After kOk, running the program touches only the bytes that its values state, writes only to the arena, and no value
/// is overwritten while it lives. Checksums do not protect from a hostile file: these checks do.
class ProgramVerifier {
 public:
  ProgramVerifier(const PlanReader& plan, const ProgramRecord& program, ErrorDetail* error)
      : plan_(plan), program_(program), values_(plan.values(program)), error_(*error) {}

  TFLM_TRAIN_COLD Status Verify(const OperatorSet& operators);

 private:
  bool IsTflm() const { return program_.forward_kind == static_cast<uint16_t>(ForwardKind::kTflm); }
  /// Steps count from 0: forward, then the loss as one step, then backward.
  uint32_t TimeOf(uint32_t step) const { return step < program_.forward_count ? step : step + 1; }
  bool LivesAt(const ValueRecord& value, uint32_t time) const {
    return value.first_step <= time && time <= value.last_step;
  }

  TFLM_TRAIN_COLD bool EndsFit() const;
  TFLM_TRAIN_COLD bool LossFits() const;
  TFLM_TRAIN_COLD bool ValueFits(const ValueRecord& value) const;
  TFLM_TRAIN_COLD bool PlaceFits(const ValueRecord& value, uint32_t elements) const;
  TFLM_TRAIN_COLD bool AliasFits(const ValueRecord& value) const;
  TFLM_TRAIN_COLD bool MemoryIsDisjoint() const;

  TFLM_TRAIN_COLD Status VerifyStep(uint32_t index, const OperatorSet& operators);
  TFLM_TRAIN_COLD bool RangesFit(const StepRecord& step) const;
  TFLM_TRAIN_COLD bool ExternalStepFits(const StepRecord& step);
  TFLM_TRAIN_COLD bool ArgumentsFit(const StepRecord& step, uint32_t time, const KernelArguments& kernel) const;
  TFLM_TRAIN_COLD bool LayerFits(const StepRecord& step, const KernelArguments& kernel) const;

  const PlanReader& plan_;
  const ProgramRecord& program_;
  const ValueRecord* values_;
  ErrorDetail& error_;
  uint32_t next_operator_ = 0;  // the lowest that the next external step may run
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_PROGRAM_VERIFIER_H_
