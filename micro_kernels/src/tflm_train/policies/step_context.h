// What the policies between a sample's loss and its backward pass know of the trainer.
#ifndef TFLM_TRAIN_POLICIES_STEP_CONTEXT_H_
#define TFLM_TRAIN_POLICIES_STEP_CONTEXT_H_

#include <cstdint>

#include "tflm_train/base/wide_pointer.h"
#include "tflm_train/plan/plan_reader.h"

namespace tflm_train {

struct Gate;

/// A part of every Trainer.
struct StepContext {
  PlanReader plan_;
  WidePointer<uint8_t> arena_;      // its persistent part; null: the trainer is not ready
  WidePointer<const Gate> gate_;    // what stands in front of a backward pass; null: all samples train
  WidePointer<const Gate> chosen_;  // of that the gate that the options choose, null for none
  TrainingOptions options_ = {};
  uint32_t pending_ = 0;  // samples whose gradients wait for the update
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_STEP_CONTEXT_H_
