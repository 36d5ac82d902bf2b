// Verifies one program of a plan: values, lifetimes, steps.
#ifndef TFLM_TRAIN_TRAIN_PROGRAM_VERIFIER_H_
#define TFLM_TRAIN_TRAIN_PROGRAM_VERIFIER_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/plan/plan_format.h"
#include "tflm_train/plan/subject.h"
#include "tflm_train/train/operator_set.h"

namespace tflm_train {

class PlanReader;

/// After kNothing, running the program touches only the bytes that its values state, writes only to the arena, and no
/// value is overwritten while it lives. Checksums do not protect from a hostile file: these checks do. `failed_step`:
/// where a step was refused.
TFLM_TRAIN_COLD Finding VerifyProgram(const PlanReader& plan, const ProgramRecord& program,
                                      const OperatorSet& operators, uint16_t* failed_step);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TRAIN_PROGRAM_VERIFIER_H_
